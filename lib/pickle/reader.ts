import { PickleCursor } from './cursor';
import { buildNumpy, callGlobal } from './numpy';
import { PickleGlobal, PickleText, PickleTuple, allowedGlobal, type PickleValue } from './values';

// Far above what any verification set needs, far below what would exhaust memory.
const MAX_STACK = 1 << 22;
const MAX_MEMO = 1 << 22;
const MAX_MARKS = 64;
// An opcode of one byte makes an object of a hundred: those that went into lists count too.
const MAX_OBJECTS = 1 << 23;
const MAX_NAME = 128;

/**
 * Reads a Python pickle of protocols 0 to 5 made of lists, tuples, numbers, booleans, bytes, text and numpy arrays of
 * numbers, booleans or objects. It never executes anything: a name outside a short list, an unknown opcode or a length beyond the
 * end of the file is an error. Bytes of the result are views of `bytes`.
 * @param file names the file in errors.
 * @throws KappaError ERR_DATA_CORRUPT with the byte offset
 */
export function unpickle(bytes: Buffer, file: string): PickleValue {
  return new Unpickler(new PickleCursor(bytes, file)).run();
}

class Unpickler {
  readonly #in: PickleCursor;
  #stack: PickleValue[] = [];
  /** The stacks below each mark. */
  readonly #below: PickleValue[][] = [];
  #belowSize = 0;
  #objects = 0;
  readonly #memo = new Map<number, PickleValue>();

  constructor(cursor: PickleCursor) {
    this.#in = cursor;
  }

  run(): PickleValue {
    for (;;) {
      const opcode = this.#in.opcode();
      if (opcode === 0x2e) return this.#stop();
      this.#step(opcode);
      if (this.#stack.length + this.#belowSize > MAX_STACK)
        throw this.#in.fail('more objects than a verification set can have');
    }
  }

  #stop(): PickleValue {
    const value = this.#pop();
    if (this.#stack.length > 0 || this.#below.length > 0)
      throw this.#in.fail('the pickle ends with more than one object on its stack');
    if (this.#in.left > 0) throw this.#in.fail(`${this.#in.left} bytes follow the end of the pickle`);
    return value;
  }

  #step(opcode: number): void {
    const input = this.#in;
    switch (String.fromCharCode(opcode)) {
      case '\x80': {
        const protocol = input.byte();
        if (protocol > 5) throw input.fail(`pickle protocol ${protocol} is unknown (0 to 5 are read)`);
        return;
      }
      case '\x95': // FRAME: only a hint for reading ahead
        if (input.length(8) > input.left) throw input.fail('a frame reaches beyond the end of the file');
        return;
      case '(':
        return this.#mark();
      case '0':
        this.#pop();
        return;
      case '1':
        this.#popMark();
        return;
      case '2':
        return this.#push(this.#top());
      case 'N':
        return this.#push(null);
      case '\x88':
        return this.#push(true);
      case '\x89':
        return this.#push(false);
      case 'I':
        return this.#push(input.decimalOrBool());
      case 'L':
        return this.#push(input.decimalLong());
      case 'F':
        return this.#push(input.decimalFloat());
      case 'J':
        return this.#push(input.take(4).readInt32LE(0));
      case 'K':
        return this.#push(input.byte());
      case 'M':
        return this.#push(input.take(2).readUInt16LE(0));
      case '\x8a':
        return this.#push(input.long(input.byte()));
      case '\x8b':
        return this.#push(input.long(input.length(4)));
      case 'G':
        return this.#push(input.take(8).readDoubleBE(0));
      case 'S':
        return this.#push(input.quotedString());
      case 'U':
      case 'C':
        return this.#push(input.take(input.byte()));
      case 'T':
      case 'B':
        return this.#push(input.take(input.length(4)));
      case '\x8e':
      case '\x96':
        return this.#push(input.take(input.length(8)));
      case 'V':
        return this.#push(new PickleText(input.line(), true));
      case '\x8c':
        return this.#push(new PickleText(input.take(input.byte()), false));
      case 'X':
        return this.#push(new PickleText(input.take(input.length(4)), false));
      case '\x8d':
        return this.#push(new PickleText(input.take(input.length(8)), false));
      case ')':
        return this.#push(new PickleTuple([]));
      case '\x85':
      case '\x86':
      case '\x87':
        return this.#push(new PickleTuple(this.#popMany(opcode - 0x84)));
      case 't':
        return this.#push(new PickleTuple(this.#popMark()));
      case ']':
        return this.#push([]);
      case 'l':
        return this.#push(this.#popMark());
      case 'a': {
        const value = this.#pop();
        this.#topList().push(value);
        return;
      }
      case 'e': {
        const items = this.#popMark();
        const list = this.#topList();
        for (const item of items) list.push(item);
        return;
      }
      case 'p':
        return this.#remember(input.decimal());
      case 'q':
        return this.#remember(input.byte());
      case 'r':
        return this.#remember(input.length(4));
      case '\x94':
        return this.#remember(this.#memo.size);
      case 'g':
        return this.#push(this.#recall(input.decimal()));
      case 'h':
        return this.#push(this.#recall(input.byte()));
      case 'j':
        return this.#push(this.#recall(input.length(4)));
      case 'c':
        return this.#push(this.#global(this.#name(), this.#name()));
      case '\x93': {
        const [module, name] = this.#popMany(2).map((part) =>
          part instanceof PickleText ? part.short : null,
        );
        return this.#push(this.#global(module ?? '?', name ?? '?'));
      }
      case 'R': {
        const args = this.#pop();
        const callee = this.#pop();
        if (!(callee instanceof PickleGlobal) || !(args instanceof PickleTuple))
          throw input.fail('a call of something that is not a name of the short list');
        return this.#push(callGlobal(callee, args.items, input));
      }
      case 'b': {
        const state = this.#pop();
        return buildNumpy(this.#top(), state, input);
      }
      default:
        throw input.fail(
          `opcode 0x${opcode.toString(16).padStart(2, '0')} does not occur in verification sets; nothing was executed`,
        );
    }
  }

  #push(value: PickleValue): void {
    if (++this.#objects > MAX_OBJECTS) throw this.#in.fail('more objects than a verification set can have');
    this.#stack.push(value);
  }

  #pop(): PickleValue {
    const value = this.#stack.pop();
    if (value === undefined) throw this.#in.fail('an operation finds nothing on the stack');
    return value;
  }

  #top(): PickleValue {
    const value = this.#stack.at(-1);
    if (value === undefined) throw this.#in.fail('an operation finds nothing on the stack');
    return value;
  }

  #popMany(count: number): PickleValue[] {
    if (this.#stack.length < count) throw this.#in.fail('an operation finds too little on the stack');
    return this.#stack.splice(-count, count);
  }

  #topList(): PickleValue[] {
    const list = this.#top();
    if (!Array.isArray(list)) throw this.#in.fail('items are appended to something that is not a list');
    return list;
  }

  #mark(): void {
    if (this.#below.length === MAX_MARKS)
      throw this.#in.fail(`objects are nested more than ${MAX_MARKS} deep`);
    this.#below.push(this.#stack);
    this.#belowSize += this.#stack.length;
    this.#stack = [];
  }

  #popMark(): PickleValue[] {
    const below = this.#below.pop();
    if (below === undefined) throw this.#in.fail('an operation finds no mark');
    const items = this.#stack;
    this.#stack = below;
    this.#belowSize -= below.length;
    return items;
  }

  #remember(key: number): void {
    if (this.#memo.size >= MAX_MEMO) throw this.#in.fail('the memo is larger than a verification set needs');
    this.#memo.set(key, this.#top());
  }

  #recall(key: number): PickleValue {
    const value = this.#memo.get(key);
    if (value === undefined) throw this.#in.fail(`memo entry ${key} is used before it is set`);
    return value;
  }

  /** A line that names a module or one of its members; a longer one is cut, and then is no known name. */
  #name(): string {
    return this.#in.line().toString('latin1', 0, MAX_NAME);
  }

  #global(module: string, name: string): PickleGlobal {
    const known = allowedGlobal(module, name);
    if (known === undefined)
      throw this.#in.fail(
        `it refers to ${JSON.stringify(`${module}.${name}`.slice(0, 80))}, which no verification set needs; a pickle with it may be hostile, and nothing was executed`,
      );
    return new PickleGlobal(known);
  }
}
