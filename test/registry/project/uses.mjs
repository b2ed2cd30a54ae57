import { KappaError, Tensor, buildInfo } from 'kappaface';
import base from 'kappaface/configs/base';

const sum = await (await Tensor.from([1, 2, 3])).add(await Tensor.from([10, 20, 30]));
const refused = await Tensor.from([1, 2], [3]).catch((error) => error);
console.log(base.name, await sum.toArray(), refused instanceof KappaError, buildInfo().libtorch);
