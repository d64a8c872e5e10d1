// Pixels on canvases: a canvas has one pixel for each of the image's, and CSS enlarges it to whole device pixels.

function paint(canvas, pixels, { size, channels }, at = 0) {
  if (canvas.width !== size || canvas.height !== size) Object.assign(canvas, { width: size, height: size });
  const area = size * size;
  const from = at * area * channels;
  const image = new ImageData(size, size);
  for (let i = 0; i < area; i += 1) {
    for (let c = 0; c < 3; c += 1) image.data[4 * i + c] = pixels[from + Math.min(c, channels - 1) * area + i];
    image.data[4 * i + 3] = 255;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

// The largest side in CSS pixels, at most `room`, that makes image pixels whole device pixels; images larger than the
// room are made smaller, to fill it.
function crispSide(size, room) {
  const ratio = window.devicePixelRatio || 1;
  return size > room * ratio ? room : (Math.floor((room * ratio) / size) * size) / ratio;
}

// Touches the page only where something changes: each touch costs a layout while the hand moves.
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function setAttributes(node, values) {
  for (const [name, value] of Object.entries(values)) {
    if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
  }
}

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// A button that shows one small image.
function tile(onClick) {
  const canvas = element("canvas", { width: 1, height: 1 });
  const button = element("button", { type: "button", className: "tile", onclick: onClick }, canvas);
  return { button, canvas };
}
