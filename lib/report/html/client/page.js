// What all charts use.
/* global document, getComputedStyle */

const root = document.documentElement;
const FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';
const NUM_COLOURS = 8;

const css = (name) => getComputedStyle(root).getPropertyValue(name).trim();
const colourOf = (series) => css(`--c${series.colour % NUM_COLOURS}`);

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}
