import { KappaError } from '../../errors';

export interface LabelFacts {
  labels: Int32Array;
  numClasses: number;
  /** The file that the labels stand in. */
  file: string;
  /** Who says how many classes there are: "property", "the config". */
  authority: string;
  /** Names the place of a label: "record 7". */
  place: (sample: number) => string;
  /** Number of identity records, where there are any. */
  numIdentities?: number;
  allowEmpty: boolean;
}

/** How a set is written anew with labels that count from 0 without gaps. */
function renumber(file: string): string {
  return !file.endsWith('.rec')
    ? 'kappa data pack with --relabel packs it with labels from 0 without gaps'
    : 'kappa data unpack, and then kappa data pack of its train.lst with --relabel, write the set anew with labels from 0 without gaps';
}

/** Every label must be a class, and every class should have an image. @throws KappaError ERR_LABEL_RANGE */
export function checkLabels(facts: LabelFacts): void {
  const { labels, numClasses, file, authority, place, numIdentities = 0 } = facts;
  let [min, max] = [0, 0];
  for (let i = 0; i < labels.length; i++) {
    if (labels[i]! > labels[max]!) max = i;
    if (labels[i]! < labels[min]!) min = i;
  }
  const [lowest, highest] = [labels[min]!, labels[max]!];
  const range = (why: string) => new KappaError('ERR_LABEL_RANGE', `${file}: ${why}`);
  if (lowest < 0)
    throw range(`${place(min)} has label ${lowest}; labels run from 0 to the number of classes - 1.`);
  if (lowest >= 1 && highest === numClasses)
    throw range(
      `the labels run from ${lowest} to ${highest} for ${numClasses} classes, so they count from 1, but must count from 0. First correct ${authority} to ${numClasses + 1} classes; then ${renumber(file)}.`,
    );
  if (highest >= numClasses || numIdentities > numClasses)
    throw range(
      `there are more classes than ${authority} says: ${highest >= numClasses ? `${place(max)} has label ${highest}` : `there are ${numIdentities} identity records`}, but ${authority} says ${numClasses} classes (labels 0 to ${numClasses - 1}). Correct ${authority}, or take the file that belongs to it.`,
    );
  if (!facts.allowEmpty) checkHoles(facts, range);
}

function checkHoles(
  { labels, numClasses, authority, file }: LabelFacts,
  range: (why: string) => KappaError,
): void {
  const counts = countLabels(labels, numClasses);
  const hole = counts.indexOf(0);
  if (hole === -1) return;
  const holes = counts.reduce((sum, count) => sum + (count === 0 ? 1 : 0), 0);
  throw range(
    `${holes} of ${numClasses} classes have no image, the first of them class ${hole}. ` +
      (hole === 0 && holes === 1
        ? `Perhaps the labels count from 1; they must count from 0: ${renumber(file)}.`
        : `Each class needs images: ${renumber(file)}${hole + holes === numClasses ? `; or correct ${authority} to ${hole} classes` : ''}.`),
  );
}

/** Number of samples of each class. */
export function countLabels(labels: Int32Array, numClasses: number): Uint32Array {
  const counts = new Uint32Array(numClasses);
  for (const label of labels) counts[label]!++;
  return counts;
}
