/** HTML that may be put into a page as it is. */
export class Html {
  constructor(readonly text: string) {}

  toString(): string {
    return this.text;
  }
}

type Part = string | number | Html | readonly Html[] | undefined;

/** Makes HTML of a template: whatever is filled in is text, unless it is {@link Html}. */
export function markup(literals: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(
    literals.map((literal, i) => literal + (i < parts.length ? filled(parts[i]) : '')).join(''),
  );
}

function filled(part: Part): string {
  if (part === undefined) return '';
  if (Array.isArray(part)) return part.map(String).join('');
  return part instanceof Html ? part.text : escapeHtml(String(part));
}

/** Text as it stands in HTML, also within quotes. */
function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/** JSON as it may stand in a script element: nothing in it can end that. */
export function scriptJson(value: unknown): Html {
  return new Html(
    JSON.stringify(value).replaceAll(
      /[<>&\u2028\u2029]/g,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    ),
  );
}
