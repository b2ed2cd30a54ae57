// Made from the schemas of the options by npm run reference; change those, not this.

/** One of the places that a dataset's images come from. */
export interface FaceSource {
  /** folder of a set (train.rec, or identity/image.jpg), .rec or .lst file; of a list: what its paths are relative to (its own folder if left out) */
  root?: string;
  /** .lst file of im2rec (index, labels, path) or face2rec2 (aligned, path, label, box, points) */
  list?: string;
  /**
   * how many times an epoch draws each image of this source, on average
   * @default 1
   */
  weight?: number;
  /** keep only these classes: the first so many, or a list of labels or of names, in that order */
  identities?: number | readonly (number | string)[];
  /** keep at most so many images of each class, the first ones */
  imagesPerIdentity?: number;
  /**
   * append its classes, or share those of the same name (or label) with other shared sources
   * @default "separate"
   */
  labels?: 'separate' | 'shared';
  /** file of images to leave out (kappa data check writes one) */
  skipList?: string;
  /** number of classes that it must have; stands in for property */
  numClasses?: number;
}
