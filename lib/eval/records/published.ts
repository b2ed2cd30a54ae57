/** A result of somebody else's paper, in percent. */
export interface PublishedRow {
  readonly method: string;
  /** What it was trained on, and with which network. */
  readonly trained: string;
  /** By column of its table, in percent as printed there. */
  readonly values: Readonly<Record<string, string>>;
  /** Where the figures stand. */
  readonly source: string;
}

const KAPPAFACE_SOURCE =
  "KappaFace's official repository (github.com/Leminhbinh0209/KappaFace, README, tables 1 to 3)";
const TRAINED = 'MS1MV2, IResNet-100';

const row = (method: string, values: Readonly<Record<string, string>>): PublishedRow => ({
  ...{ method, values },
  trained: TRAINED,
  source: KAPPAFACE_SOURCE,
});

/** The rows of the paper that one's own are compared with. */
export const publishedRows: readonly PublishedRow[] = [
  row('ArcFace', {
    ...{ lfw: '99.82', cfp_fp: '98.27', cplfw: '92.08', agedb_30: '98.15', calfw: '95.45', ytf: '98.0' },
    ...{ ijbb: '94.2', ijbc: '95.6', 'megaface-id': '98.35', 'megaface-ver': '98.48' },
  }),
  row('KappaFace (memory buffer)', {
    ...{ lfw: '99.83', cfp_fp: '98.69', cplfw: '93.22', agedb_30: '98.47', calfw: '96.23', ytf: '98.0' },
    ...{ ijbb: '95.1', ijbc: '96.4', 'megaface-id': '98.77', 'megaface-ver': '98.91' },
  }),
  row('KappaFace (momentum encoder)', {
    ...{ lfw: '99.83', cfp_fp: '98.60', cplfw: '93.40', agedb_30: '98.35', calfw: '96.15', ytf: '98.0' },
    ...{ ijbb: '95.3', ijbc: '96.6', 'megaface-id': '98.78', 'megaface-ver': '98.83' },
  }),
];
