// Making elements, and writing numbers. Texts become text nodes, so no name of a file or class is ever read as markup.
const data = JSON.parse(document.getElementById("data").textContent);

/** Makes an HTML element; attributes that begin with "on" are listeners, false and undefined ones are left out. */
function make(name, attributes = {}, ...children) {
  return furnish(document.createElement(name), attributes, children);
}

/** Makes an SVG element. */
function makeSvg(name, attributes = {}, ...children) {
  return furnish(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function furnish(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value !== undefined) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

const percent = (share) => `${(100 * share).toFixed(1)} %`;
const count = (number) => number.toLocaleString("en");
const images = (number) => `${count(number)} ${number === 1 ? "image" : "images"}`;
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/** Calls `act` when an element has got another width, and once at the beginning. */
function onWidth(element, act) {
  let width = -1;
  new ResizeObserver(() => {
    if (element.clientWidth === width) return;
    width = element.clientWidth;
    if (width > 0) act();
  }).observe(element);
}
