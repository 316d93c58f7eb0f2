// What is wrong with the page that is shown, whatever it shows: one line for each flaw.
const flaws = [];
const shown = (element) => element.checkVisibility({ visibilityProperty: true });
const name = (element) => `${element.tagName.toLowerCase()}${element.id ? "#" + element.id : ""}.${element.getAttribute("class") ?? ""}`;

const headings = document.querySelectorAll("h1");
if (headings.length !== 1) flaws.push(`${headings.length} first headings`);
if (!document.title.includes("Sightline") || document.documentElement.lang !== "en") flaws.push("no title or language");
let level = 1;
for (const heading of document.querySelectorAll("h1, h2, h3, h4")) {
  const own = Number(heading.tagName[1]);
  if (own > level + 1) flaws.push(`a heading is skipped before "${heading.textContent}"`);
  level = own;
}
const wide = document.documentElement.scrollWidth;
if (wide > innerWidth) {
  const widest = [...document.querySelectorAll("body *")]
    .filter((element) => shown(element) && element.getBoundingClientRect().right > innerWidth + 1 && !element.closest(".table-wrap, pre"))
    .slice(0, 3).map(name);
  flaws.push(`${wide} pixels wide where ${innerWidth} are there: ${widest}`);
}
for (const field of document.querySelectorAll("input, select, textarea")) {
  if (field.type === "hidden" || !shown(field)) continue;
  const told = [...field.labels].map((label) => label.textContent.trim()).join("") || field.ariaLabel;
  if (!told) flaws.push(`no label: ${name(field)} ${field.name}`);
}
for (const control of document.querySelectorAll("a, button, summary, [tabindex='0']")) {
  if (!shown(control)) continue;
  const told = control.ariaLabel || control.textContent.trim() || control.getAttribute("aria-labelledby");
  if (!told) flaws.push(`no name: ${name(control)}`);
}
for (const image of document.querySelectorAll("svg")) {
  if (shown(image) && image.getAttribute("aria-hidden") !== "true" && !image.getAttribute("aria-label")) flaws.push(`no words for ${name(image)}`);
}
const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
for (const id of new Set(ids)) if (ids.filter((one) => one === id).length > 1) flaws.push(`the id ${id} is there twice`);
for (const pointing of document.querySelectorAll("[aria-describedby], [aria-labelledby], label[for]")) {
  for (const attribute of ["aria-describedby", "aria-labelledby", "for"]) {
    const id = pointing.getAttribute(attribute);
    if (id && !document.getElementById(id)) flaws.push(`${name(pointing)} points at ${id}, which is not there`);
  }
}

// Contrast of text, as WCAG 2 has it.
const parsed = (text) => {
  const numbers = text.match(/[\d.]+/g)?.map(Number);
  if (!numbers || text === "none") return null;
  // color(srgb r g b / a) counts from 0 to 1.
  const scale = text.startsWith("color(") ? 255 : 1;
  const [r, g, b, a = 1] = numbers;
  return [r * scale, g * scale, b * scale, a];
};
const over = (top, below) => {
  const a = top[3];
  return [0, 1, 2].map((at) => top[at] * a + below[at] * (1 - a)).concat(1);
};
const luminance = ([r, g, b]) => {
  const [x, y, z] = [r, g, b].map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * x + 0.7152 * y + 0.0722 * z;
};
const ratio = (one, other) => {
  const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
};
const behind = (element) => {
  const layers = [];
  for (let one = element; one; one = one.parentElement) {
    const style = getComputedStyle(one);
    if (style.backgroundImage !== "none") flaws.push(`a picture is behind text: ${name(one)}`);
    const colour = parsed(style.backgroundColor);
    if (colour && colour[3] > 0) layers.push(colour);
    if (colour && colour[3] === 1) break;
  }
  return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
};
// In a drawing what was drawn before lies behind.
const drawnBehind = (text, below) => {
  const box = text.getBoundingClientRect();
  const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
  let found = below;
  for (const shape of text.ownerSVGElement.querySelectorAll("rect, circle, polygon")) {
    if (!(shape.compareDocumentPosition(text) & Node.DOCUMENT_POSITION_FOLLOWING)) continue;
    const its = shape.getBoundingClientRect();
    if (x < its.left || x > its.right || y < its.top || y > its.bottom) continue;
    const style = getComputedStyle(shape);
    const fill = parsed(style.fill);
    if (fill) found = over([fill[0], fill[1], fill[2], fill[3] * Number(style.fillOpacity) * Number(style.opacity)], found);
  }
  return found;
};
const faded = (element) => {
  let opacity = 1;
  for (let one = element; one; one = one.parentElement) opacity *= Number(getComputedStyle(one).opacity);
  return opacity;
};
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const told = new Set();
let read = 0;
while (walker.nextNode()) {
  const text = walker.currentNode.textContent.trim();
  const element = walker.currentNode.parentElement;
  if (!text || !shown(element) || element.closest("script, style, title, noscript, .visually-hidden, [disabled]")) continue;
  const style = getComputedStyle(element);
  const isDrawn = element instanceof SVGElement;
  const own = parsed(isDrawn ? style.fill : style.color);
  const base = behind(isDrawn ? element.ownerSVGElement.parentElement : element);
  const below = isDrawn ? drawnBehind(element, base) : base;
  const contrast = ratio(over([own[0], own[1], own[2], own[3] * faded(element)], below), below);
  const size = parseFloat(style.fontSize) * (isDrawn ? element.getScreenCTM().a : 1);
  if (size < 9) flaws.push(`${size.toFixed(1)} pixels small: "${text.slice(0, 40)}"`);
  const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
  read += 1;
  if (contrast < (isLarge ? 3 : 4.5)) {
    const line = `contrast ${contrast.toFixed(2)} of ${name(element)} (${style.color} ${isDrawn ? style.fill : ""} on ${below.map(Math.round)})`;
    if (!told.has(line)) flaws.push(`${line}: "${text.slice(0, 40)}"`);
    told.add(line);
  }
}
for (const field of document.querySelectorAll("input, textarea")) {
  if (!shown(field) || !field.placeholder) continue;
  const hint = parsed(getComputedStyle(field, "::placeholder").color);
  const below = behind(field);
  const contrast = ratio(over(hint, below), below);
  if (contrast < 4.5) flaws.push(`contrast ${contrast.toFixed(2)} of the hint in ${name(field)}`);
}
if (read < 3) flaws.push("there is hardly any text");
return flaws;
