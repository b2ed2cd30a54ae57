// The end of the process. `exit()` destroys the static objects of LibTorch (its operators, oneDNN's caches)
// while other threads go on, so a job that runs then would crash. Therefore no job runs when destructors do:
// the first thing of all that `exit()` does is to stop the compute thread and the one beside it. A job that
// does not end within `Executor::patience` keeps the destructors from running: the process ends at once, with
// its exit code.
#pragma once

namespace kappa {

/// Call it on every thread that loads the addon, and whenever a job goes on after its environment has ended.
void guard_exit();

}  // namespace kappa
