// Made from the schemas of the options by npm run reference; change those, not this.

/** How a dataset is opened. */
export interface DatasetSettings {
  /** the number of classes that is expected; stands in for a missing property where there is one source */
  numClasses?: number;
  /** height and width of the images where no source says them: of folders and lists, 112 x 112 if left out */
  imageSize?: [number, number];
  /**
   * make a missing, damaged or outdated train.idx anew by a scan of train.rec (false: stop)
   * @default true
   */
  rebuildIndex?: boolean;
  /**
   * accept classes without images
   * @default false
   */
  allowEmptyClasses?: boolean;
  /**
   * keep what a scan found beside the data: labels in train.rec.kappa-index, a missing train.idx; false writes nothing
   * @default true
   */
  cache?: boolean;
}
