// LibTorch's packages hold Gloo but not its headers, which c10d's header of its Gloo backend includes. That
// header only names a few types; here they are declared as far as it and this addon use them. Where a
// LibTorch brings the real headers, those come first.
#pragma once
