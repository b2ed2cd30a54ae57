// What TypeDoc does not know of this package: the topics of its API, and functions that are loaded at their first call.
import path from 'node:path';
import { Application, Comment, CommentTag, Converter, ReferenceType, ReflectionKind } from 'typedoc';
import ts from 'typescript';

const lib = path.resolve(import.meta.dirname, '../../../lib');

/** The topics, in the order of the sidebar, each with what of lib/ belongs to it; the longest path that fits decides. */
const topics = {
  Tensors: ['tensor', 'native', 'io/safetensors'],
  Networks: ['nn'],
  Heads: ['head'],
  Concentration: ['concentration'],
  Optimizers: ['optim'],
  Data: ['data', 'image'],
  'Data tools': ['prepare', 'synth'],
  Configs: ['config'],
  Training: ['train', 'run'],
  'Using a model': [
    'run/load-backbone',
    'eval/embed',
    'eval/embedding',
    'eval/compare',
    'eval/named-features',
    'eval/reference-scores',
    'io',
  ],
  Verification: ['eval', 'data/protocols'],
  IJB: ['eval/ijb', 'data/protocols/ijb', 'eval/metrics/ijb-rules', 'eval/metrics/identification'],
  MegaFace: ['eval/megaface', 'data/protocols/megaface', 'eval/distractor-ranks'],
  'Records and reports': ['eval/records', 'eval/uncertainty', 'report'],
  'Several processes': ['distributed'],
  Runtime: ['runtime'],
  Errors: ['errors'],
};

const rooms = Object.entries(topics)
  .flatMap(([topic, places]) => places.map((place) => ({ topic, place })))
  .sort((a, b) => b.place.length - a.place.length);

export function load(app) {
  app.on(Application.EVENT_BOOTSTRAP_END, () => app.options.setValue('categoryOrder', Object.keys(topics)));
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, (context) => {
    for (const reflection of [...context.project.children]) describeLazyFunction(context, reflection);
    for (const reflection of context.project.children) setTopic(context, reflection);
    for (const reflection of Object.values(context.project.reflections)) forgetInnerBases(reflection);
  });
  // By now parameters that are taken apart in their place have the names of their @param, if they have one.
  app.converter.on(Converter.EVENT_RESOLVE_END, ({ project }) => {
    for (const parameter of project.getReflectionsByKind(ReflectionKind.Parameter)) {
      if (parameter.name !== '__namedParameters') continue;
      if (parameter.parent.parameters.some(({ name }) => name === 'options'))
        app.logger.warn(`${parameter.parent.getFriendlyFullName()}: give each parameter a name by @param.`);
      parameter.name = 'options';
    }
  });
}

/** Inside the package a class may be made of several; that is of no use to a reader. */
function forgetInnerBases(reflection) {
  for (const kind of ['inheritedFrom', 'overwrites', 'implementationOf'])
    if (reflection[kind] && !reflection[kind].reflection) delete reflection[kind];
}

/** Puts what is exported under the topic of the room that it stands in, unless it says another one itself. */
function setTopic(context, reflection) {
  const signatures = reflection.signatures ?? [];
  const own = [reflection, ...signatures].find(({ comment }) => comment?.getTag('@category'));
  if (own) return;
  const source = reflection.isReference() ? reflection.getTargetReflectionDeep() : reflection;
  const [declaration] = context.getSymbolFromReflection(source)?.declarations ?? [];
  const file = declaration && path.relative(lib, declaration.getSourceFile().fileName);
  const room = rooms.find(({ place }) => file?.startsWith(place));
  if (!room)
    throw new Error(`No topic for ${reflection.name} of ${file}: add it to ${import.meta.filename}.`);
  for (const { comment } of signatures) addTopic(comment, room.topic);
  reflection.comment ??= new Comment();
  addTopic(reflection.comment, room.topic);
}

function addTopic(comment, topic) {
  comment?.blockTags.push(new CommentTag('@category', [{ kind: 'text', text: topic }]));
}

/** Shows `lazyFunction(async () => (await import(FILE)).NAME)` as the function that it loads, with its own comment. */
function describeLazyFunction(context, reflection) {
  const symbol = context.getSymbolFromReflection(reflection);
  const declaration = symbol?.valueDeclaration;
  if (reflection.kind !== ReflectionKind.Variable || !declaration?.initializer) return;
  const call = declaration.initializer;
  if (!ts.isCallExpression(call) || call.expression.getText() !== 'lazyFunction') return;
  const program = context.programs.find((each) => each.getSourceFile(call.getSourceFile().fileName));
  const checker = program.getTypeChecker();
  const [loader] = checker.getTypeAtLocation(call.arguments[0]).getCallSignatures();
  const loaded = checker.getAwaitedType(loader.getReturnType()).getSymbol();
  if (!loaded?.declarations?.some(ts.isFunctionDeclaration)) return;
  context.project.removeReflection(reflection);
  context.setActiveProgram(program);
  context.converter.convertSymbol(context.withScope(context.project), loaded, symbol);
  context.setActiveProgram(undefined);
  const made = context.project.getChildByName([reflection.name]);
  for (const signature of made.signatures) {
    if (signature.type.name === 'Promise') continue;
    // It is called when it has been loaded.
    const promise = ReferenceType.createBrokenReference('Promise', context.project, 'typescript');
    promise.typeArguments = [signature.type];
    signature.type = promise;
  }
}
