import { createRequire } from 'node:module';
import { Option, type Command } from 'commander';
import { synthOptions as numbers, type SynthOptions } from '../../synth/options';
import type * as dataAlignModule from './align';
import type * as dataInspectModule from './inspect';
import type * as dataLfwModule from './pairs';
import type * as dataPackModule from './pack';
import type * as dataSplitModule from './split';
import type * as dataSynthModule from './synth';
import type * as dataUnpackModule from './unpack';
import type * as dataVerifyModule from './check';
import {
  cropSquare,
  jsonDoc,
  plainNumber,
  seedNumber,
  wholeNumber,
  workerCount,
  type Action,
} from '../flags';

/** The modules of the commands' handlers. */
interface Handlers {
  './align': typeof dataAlignModule;
  './inspect': typeof dataInspectModule;
  './pairs': typeof dataLfwModule;
  './pack': typeof dataPackModule;
  './split': typeof dataSplitModule;
  './synth': typeof dataSynthModule;
  './unpack': typeof dataUnpackModule;
  './check': typeof dataVerifyModule;
}

type Flags<
  Name extends keyof Handlers,
  Handler extends keyof Handlers[Name],
> = Handlers[Name][Handler] extends (...args: infer Arguments) => unknown
  ? Extract<Arguments[number], object>
  : never;

interface SynthFlags extends Partial<SynthOptions> {
  sheet?: string;
  workers?: number;
  json?: boolean;
}

/** Loads a command's module when the command runs. */
const load = createRequire(__filename) as <Name extends keyof Handlers>(name: Name) => Handlers[Name];

const workersDoc = 'worker threads, 0 for none (default: one for each core, at most 16)';
const landmarksDoc = 'file with landmarks: path x1 y1 x2 y2 ... a line, 5 or 68 points';
const overwriteDoc = 'replace what is there already';

/** Adds `kappa data` with its commands. */
export function addDataCommands(program: Command, action: Action): void {
  const data = program.command('data').description('look at data sets, make, change and check them');
  addInspect(data, action);
  addPack(data, action);
  addUnpack(data, action);
  addVerify(data, action);
  addSplit(data, action);
  addLfw(data, action);
  addAlign(data, action);
  addSynth(data, action);
}

function addInspect(data: Command, action: Action): void {
  data
    .command('inspect')
    .description('say what a data set or a verification set (.bin) holds')
    .argument('<path>', 'folder, .rec or .lst of a data set, or .bin file')
    .option('--scan', 'decode every image and list those that are damaged')
    .option('--histogram <file>', 'draw the images per class into a .png or .svg')
    .option('--sheet <file>', 'draw some images, with their labels, into a .png')
    .option('--rows <number>', 'rows of the sheet (default: 8)', wholeNumber)
    .option('--columns <number>', 'images in a row of the sheet (default: 10)', wholeNumber)
    .option('--seed <number>', 'seed of what the sheet shows (default: 1)', seedNumber)
    .option('--json', jsonDoc)
    .action(
      action((path: string, flags: Flags<'./inspect', 'inspectCommand'>) =>
        load('./inspect').inspectCommand(path, flags),
      ),
    );
}

function addPack(data: Command, action: Action): void {
  const pack = data
    .command('pack')
    .description('pack image files into a dataset: train.rec, train.idx, property, classes.json')
    .argument('<source>', 'folder with a folder for each identity, or a .lst')
    .argument('<output>', 'folder of the dataset')
    .option(
      '--root <folder>',
      'folder that the paths of the .lst are relative to (default: that of the .lst)',
    )
    .option('--align', 'align faces by the five points of the .lst')
    .option('--landmarks <file>', `${landmarksDoc}; aligns`)
    .option('--relabel', 'number the labels of the .lst anew where they have gaps')
    .option('--classes <file>', 'label map (classes.json) that the identities of a folder follow')
    .option('--skip-bad', 'leave out images that cannot be used, and list them in skipped.txt');
  addConversion(pack)
    .option('--overwrite', overwriteDoc)
    .option('--workers <threads>', workersDoc, workerCount)
    .option('--json', jsonDoc)
    .action(
      action((source: string, output: string, flags: Flags<'./pack', 'packCommand'>) =>
        load('./pack').packCommand(source, output, flags),
      ),
    );
}

function addUnpack(data: Command, action: Action): void {
  data
    .command('unpack')
    .description('write the images of a dataset or a verification set as files; run again to go on')
    .argument('<source>', 'dataset folder or .bin file')
    .argument('<output>', 'folder to write to; no file there is overwritten')
    .option('--json', jsonDoc)
    .action(
      action((source: string, output: string, flags: { json?: boolean }) =>
        load('./unpack').unpackCommand(source, output, flags),
      ),
    );
}

function addVerify(data: Command, action: Action): void {
  data
    .command('verify')
    .description(
      'check every record: structure, label, that the image decodes, its size; exit code 1 if any is bad',
    )
    .argument('<source>', 'dataset folder, .bin file, or folder with image files')
    .option('--list <file>', 'write the bad records to a list that training can skip')
    .option('--any-size', 'accept images of other sizes than property says')
    .option('--workers <threads>', workersDoc, workerCount)
    .option('--json', jsonDoc)
    .action(
      action((source: string, flags: Flags<'./check', 'verifyCommand'>) =>
        load('./check').verifyCommand(source, flags),
      ),
    );
}

function addSplit(data: Command, action: Action): void {
  data
    .command('split')
    .description('split a dataset into a training set and a verification set of other people')
    .argument('<source>', 'dataset folder')
    .argument('<output>', 'folder of the training set and the verification set')
    .option('--identities <number>', 'people in the verification set (default: a tenth)', wholeNumber)
    .option(
      '--pairs <number>',
      'verification pairs, half of each kind (default: 6000, or as many as there are)',
      wholeNumber,
    )
    .option('--folds <number>', 'folds that share no person where possible (default: 10)', wholeNumber)
    .option('--seed <number>', 'seed of what is drawn (default: 1)', seedNumber)
    .option('--name <name>', 'name of the verification set (default: heldout)')
    .option('--overwrite', overwriteDoc)
    .option('--json', jsonDoc)
    .action(
      action((source: string, output: string, flags: Flags<'./split', 'splitCommand'>) =>
        load('./split').splitCommand(source, output, flags),
      ),
    );
}

function addLfw(data: Command, action: Action): void {
  const lfw = data
    .command('lfw')
    .description('make a verification set of image files and a list of pairs: LFW, CALFW, CPLFW, CFP, AgeDB')
    .argument('<images>', 'folder that the paths of the pairs are relative to')
    .argument(
      '<pairs>',
      "LFW's pairs.txt, a list of path1 path2 1|0, two lines path flag a pair, or CFP's Protocol",
    )
    .argument('<output>', 'folder to write to')
    .option('--name <name>', 'name of the verification set (default: lfw)')
    .option('--landmarks <file>', `${landmarksDoc}; without it images are cropped`)
    .addOption(new Option('--protocol <name>', 'protocol of CFP (default: fp)').choices(['fp', 'ff']))
    .option('--train', 'also pack a training set of the people who occur in no pair')
    .option('--people <file>', "train only on the people of a file like LFW's people.txt; implies --train")
    .option('--min-images <number>', 'train only on people with so many images (default: 1)', wholeNumber);
  addConversion(lfw)
    .option('--overwrite', overwriteDoc)
    .option('--workers <threads>', workersDoc, workerCount)
    .option('--json', jsonDoc)
    .action(
      action((images: string, pairs: string, output: string, flags: Flags<'./pairs', 'lfwCommand'>) =>
        load('./pairs').lfwCommand(images, pairs, output, flags),
      ),
    );
}

function addAlign(data: Command, action: Action): void {
  data
    .command('align')
    .description('align faces by five or 68 landmarks to 112 x 112; run again to go on')
    .argument('<source>', 'folder with images, or a .lst')
    .argument('<output>', 'folder to write to; no file there is overwritten')
    .option('--landmarks <file>', `${landmarksDoc} (default: the five points of the .lst)`)
    .option(
      '--root <folder>',
      'folder that the paths of the .lst are relative to (default: that of the .lst)',
    )
    .option('--size <pixels>', 'side of the aligned faces (default: 112)', wholeNumber)
    .addOption(formatOption('format of the aligned faces (default: jpeg)'))
    .option('--quality <number>', 'quality of JPEG and WebP, 1 to 100 (default: 95)', wholeNumber)
    .option('--skip-bad', 'leave out images that cannot be aligned')
    .option('--workers <threads>', workersDoc, workerCount)
    .option('--json', jsonDoc)
    .action(
      action((source: string, output: string, flags: Flags<'./align', 'alignCommand'>) =>
        load('./align').alignCommand(source, output, flags),
      ),
    );
}

function addSynth(data: Command, action: Action): void {
  const synth = data
    .command('synth')
    .description('draw a synthetic face set in the insightface layout')
    .argument('[output]', 'folder to write the set to')
    .option('--sheet <file>', 'PNG file to write a contact sheet to, with or without a set');
  for (const option of synthOptions()) synth.addOption(option);
  synth
    .option('--workers <threads>', 'worker threads (default: one for each core)', wholeNumber)
    .option('--json', jsonDoc)
    .action(
      action((output: string | undefined, flags: SynthFlags, command: Command) => {
        if (output === undefined && flags.sheet === undefined)
          command.error('error: nothing to write: name a folder for the set, --sheet FILE.png, or both');
        return load('./synth').synthCommand({ ...flags, output });
      }),
    );
}

/** The flags of what is done to each image. */
function addConversion(command: Command): Command {
  return command
    .option('--size <pixels>', 'side of the images (default: 112)', wholeNumber)
    .option('--resize', 'bring images of another size to it instead of refusing them')
    .option('--crop <square>', 'cut out first: centre (half the shorter side), or left,top,side', cropSquare)
    .addOption(formatOption('encode anew in this format (default: bytes pass through where they can)'))
    .option('--quality <number>', 'encode anew with this quality, 1 to 100', wholeNumber);
}

function formatOption(doc: string): Option {
  return new Option('--format <name>', doc).choices(['jpeg', 'png', 'webp']);
}

/** One flag for each option of a synthetic set; values are checked by the set itself. */
function synthOptions(): Option[] {
  return (Object.keys(numbers) as (keyof SynthOptions)[]).map((name) => {
    const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    const doc = `${numbers[name].doc} (default: ${numbers[name].initial})`;
    return new Option(`--${flag} <number>`, doc).argParser(plainNumber);
  });
}
