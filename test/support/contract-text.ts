import ts from 'typescript';

import type { Signatures } from '../../lib/native/contract';

/** The contract as text: the type of each function, and what each named type is. */
export interface ContractText {
  functions: Map<string, string>;
  types: Map<string, string>;
}

/** What the binary says of itself. */
export function binaryText({ functions, types }: Signatures): ContractText {
  const byName = (list: Signatures['types']): Map<string, string> =>
    new Map(list.map(({ name, text }) => [name, text]));
  return { functions: byName(functions), types: byName(types) };
}

type Declaration = ts.InterfaceDeclaration | ts.TypeAliasDeclaration;

/**
 * Reads a contract written in TypeScript.
 *
 * @param source text of the file
 * @param known types that keep their names; other aliases are replaced by what they stand for
 */
function sourceText(source: string, known: ReadonlySet<string>): ContractText {
  const file = ts.createSourceFile('contract.ts', source, ts.ScriptTarget.Latest, true);
  const declarations = new Map<string, Declaration>();
  for (const node of file.statements) {
    if (ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) {
      declarations.set(node.name.text, node);
    }
  }

  const list = (parameters: readonly ts.ParameterDeclaration[]): string =>
    parameters
      .map((parameter) => `${parameter.name.getText(file)}: ${typeOf(parameter.type, parameter)}`)
      .join(', ');

  const call = (node: ts.SignatureDeclarationBase): string =>
    `(${list(node.parameters)}) => ${typeOf(node.type, node)}`;

  /** Text of a type, in the one way that the binary writes it, too. */
  function typeOf(node: ts.TypeNode | undefined, at: ts.Node): string {
    if (!node) throw new Error(`${at.getText(file)} has no type.`);
    // An optional parameter or field would be a second way to write one that may be null.
    if ('questionToken' in at && at.questionToken) throw new Error(`${at.getText(file)} is optional.`);
    if (ts.isTypeReferenceNode(node)) return reference(node);
    if (ts.isArrayTypeNode(node)) {
      const element = typeOf(node.elementType, node);
      return `${element}[]`;
    }
    if (ts.isParenthesizedTypeNode(node)) return `(${typeOf(node.type, node)})`;
    if (ts.isUnionTypeNode(node)) return node.types.map((part) => typeOf(part, node)).join(' | ');
    if (ts.isFunctionTypeNode(node)) return call(node);
    if (ts.isConstructorTypeNode(node)) return `new ${call(node)}`;
    return node.getText(file);
  }

  function reference(node: ts.TypeReferenceNode): string {
    const name = node.typeName.getText(file);
    const declaration = declarations.get(name);
    if (declaration && !known.has(name)) {
      if (ts.isTypeAliasDeclaration(declaration)) return typeOf(declaration.type, declaration);
      return name;
    }
    const inner = (node.typeArguments ?? []).map((argument) => typeOf(argument, node));
    return inner.length > 0 ? `${name}<${inner.join(', ')}>` : name;
  }

  function definition(declaration: Declaration): string {
    if (ts.isTypeAliasDeclaration(declaration)) return typeOf(declaration.type, declaration);
    const members = [...declaration.members];
    if (members.some((member) => member.name && ts.isComputedPropertyName(member.name))) return 'opaque';
    const fields = members.map((member) => {
      if (!ts.isPropertySignature(member)) throw new Error(`${member.getText(file)} is no field.`);
      return `${member.name.getText(file)}: ${typeOf(member.type, member)}`;
    });
    return `{ ${fields.join('; ')} }`;
  }

  const contract = declarations.get('NativeAddon');
  if (!contract || !ts.isInterfaceDeclaration(contract))
    throw new Error('There is no interface NativeAddon.');
  const functions = new Map(
    contract.members.map((member) => [
      member.name?.getText(file) ?? '',
      ts.isMethodSignature(member) ? call(member) : typeOf((member as ts.PropertySignature).type, member),
    ]),
  );
  const types = new Map<string, string>();
  for (const name of known) {
    const declaration = declarations.get(name);
    if (declaration) types.set(name, definition(declaration));
  }
  return { functions, types };
}

/** Every difference between a contract in TypeScript and the binary, each in a line; none where they agree. */
export function contractDifferences(source: string, binary: ContractText): string[] {
  const contract = sourceText(source, new Set(binary.types.keys()));
  const compare = (what: string, ours: Map<string, string>, theirs: Map<string, string>): string[] => {
    const names = [...new Set([...ours.keys(), ...theirs.keys()])].sort();
    return names
      .filter((name) => ours.get(name) !== theirs.get(name))
      .map(
        (name) =>
          `${what} ${name}: contract ${ours.get(name) ?? 'has none'}, binary ${theirs.get(name) ?? 'has none'}`,
      );
  };
  return [
    ...compare('type', contract.types, binary.types),
    ...compare('function', contract.functions, binary.functions),
  ];
}
