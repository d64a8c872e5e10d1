// Draw a digit, or drop an image: the server searches the z that makes it, and the page shows the search.

const PAD = 280; // pixels of the drawing, each side
const BRUSH = 22;
const LARGEST_FILE = 20e6;
const OFFERED = 8; // real images at a time

class Draw {
  constructor(root, panel) {
    Object.assign(this, { root, panel, result: null, asked: 0 });
    root.innerHTML = DRAW_HTML;
    this.find = (selector) => root.querySelector(selector);
    this.pad = this.find(".pad");
    Object.assign(this.pad, { width: PAD, height: PAD });
    this.ink = this.pad.getContext("2d", { willReadFrequently: true });
    this.clear();
    this.pad.onpointerdown = (event) => this.down(event);
    this.pad.onpointermove = (event) => this.at && this.line(event);
    this.pad.onpointerup = this.pad.onpointercancel = () => (this.at = null);
    this.pad.ondragover = (event) => event.preventDefault();
    this.pad.ondrop = (event) => {
      event.preventDefault();
      this.take(event.dataTransfer.files[0]);
    };
    this.find(".file").onchange = (event) => {
      this.take(event.target.files[0]);
      event.target.value = "";
    };
    this.find(".search").onclick = () => this.search();
    this.find(".clear").onclick = () => this.clear();
    this.find(".work").onclick = () => panel.workAt(this.result);
    this.find(".hold").onclick = () => panel.keep([this.result]);
    this.find(".others").onclick = () => this.offer(this.offered + 1);
    this.find(".colour").hidden = panel.data.run.channels === 1;
    this.find(".real").hidden = !panel.data.run.data_at_hand;
  }

  refresh() {
    this.find(".pad").setAttribute("aria-label", `Draw a ${this.panel.data.run.noun === "digit" ? "digit" : "picture"} here`);
    if (this.panel.state.view === "draw" && this.offered === undefined && this.panel.data.run.data_at_hand) this.offer(0);
  }

  // Real images as targets, the ones G never saw where the data has such.
  async offer(start) {
    const { panel } = this;
    const { engine } = panel;
    this.offered = start;
    this.find(".others").disabled = true;
    try {
      const { images, split } = await engine.get("targets", { start, count: OFFERED });
      if (engine !== panel.engine) return;
      this.find(".whose").textContent = split === "test" ? "or take a real image that G never saw:" : "or take a real image:";
      this.showOffered(bytesOf(images));
    } catch (error) {
      if (engine === panel.engine) this.find(".whose").textContent = error instanceof TypeError ? "" : error.message;
    }
    this.find(".others").disabled = false;
  }

  showOffered(pixels) {
    const { run } = this.panel.data;
    const area = run.size * run.size * run.channels;
    this.find(".real-images").replaceChildren(...Array.from({ length: OFFERED }, (_, i) => {
      const one = pixels.slice(i * area, (i + 1) * area);
      const { button, canvas } = tile(() => this.takeReal(one, canvas));
      paint(canvas, one, run);
      button.setAttribute("aria-label", `Real image ${i + 1}: search the z that draws it`);
      return button;
    }));
  }

  // The search wants the image itself, pixel by pixel; the pad shows it.
  takeReal(pixels, canvas) {
    this.clear();
    this.ink.imageSmoothingEnabled = false;
    this.ink.drawImage(canvas, 0, 0, PAD, PAD);
    this.ink.imageSmoothingEnabled = true;
    this.exact = pixels;
    this.search();
  }

  clear() {
    this.exact = null;
    this.ink.fillStyle = "#000";
    this.ink.fillRect(0, 0, PAD, PAD);
    this.forget();
    this.panel.latest.ask({ ...this.panel.state.point });
  }

  // The large image is the point's again, and a search that runs is let go.
  forget() {
    if (!this.result && !this.searching) return;
    this.asked += 1;
    this.searching = false;
    this.result = null;
    this.show(null, "");
  }

  down(event) {
    this.pad.setPointerCapture(event.pointerId);
    this.at = null;
    this.line(event);
  }

  line(event) {
    const box = this.pad.getBoundingClientRect();
    const to = [((event.clientX - box.left) * PAD) / box.width, ((event.clientY - box.top) * PAD) / box.height];
    this.exact = null;
    const strokeStyle = this.panel.data.run.channels === 1 ? "#fff" : this.find(".colour input").value;
    Object.assign(this.ink, { strokeStyle, lineWidth: BRUSH, lineCap: "round", lineJoin: "round" });
    this.ink.beginPath();
    this.ink.moveTo(...(this.at ?? to));
    this.ink.lineTo(...to);
    this.ink.stroke();
    this.at = to;
  }

  async take(file) {
    if (!file) return;
    if (file.size > LARGEST_FILE) {
      this.panel.say("This file has more than 20 MB; take a smaller image.");
      return;
    }
    const picture = await createImageBitmap(file).catch(() => null);
    if (!picture) {
      this.panel.say("This file is not an image that the browser can read; take a PNG or a JPEG.");
      return;
    }
    this.clear();
    const scale = Math.min(PAD / picture.width, PAD / picture.height);
    const [width, height] = [picture.width * scale, picture.height * scale];
    this.ink.drawImage(picture, (PAD - width) / 2, (PAD - height) / 2, width, height);
    const { channels, dark } = this.panel.data.run;
    if (channels === 1) asGray(this.ink, [(PAD - width) / 2, (PAD - height) / 2, width, height], dark);
    this.panel.say(this.panel.notice());
  }

  async search() {
    const { panel } = this;
    const { engine, state } = panel;
    this.forget();
    this.searching = true;
    const asked = (this.asked += 1);
    const stale = () => asked !== this.asked || engine !== panel.engine || !this.root.isConnected;
    panel.say(panel.notice());
    try {
      const target = this.exact ?? targetOf(this.pad, panel.data.run);
      if (!target) throw new Error("The drawing is empty; draw something first.");
      const { search } = await engine.post("searches", { epoch: state.epoch }, target);
      for (let done = false; !done; ) {
        await new Promise((rest) => setTimeout(rest, 120));
        if (stale()) return;
        const found = await engine.get(`searches/${search}`);
        if (stale()) return;
        if (found.trouble) throw new Error(found.trouble);
        if (found.image) this.show(found, progressWords(found));
        done = found.done;
      }
    } catch (error) {
      if (!stale()) this.forget();
      panel.fail(error);
    }
  }

  show(found, words) {
    this.find(".told").textContent = words;
    this.find("progress").value = found ? found.step / found.steps : 0;
    const done = Boolean(found?.done);
    for (const button of this.root.querySelectorAll(".work, .hold")) button.disabled = !done;
    if (!found) return;
    const { data, state } = this.panel;
    this.result = pointOf(floats(found.z), found.label, data.limits.max_own);
    const pixels = bytesOf(found.image);
    if (state.view === "draw") this.panel.showFrame(pixels, 0, words);
    this.panel.refreshControls();
  }
}

function progressWords({ step, steps, error, done }) {
  const off = `${(100 * error).toFixed(1)} % off, pixel by pixel`;
  return done ? `found: ${off}` : `step ${step} of ${steps}: ${off}`;
}

// Grey, and where the data is light on dark, dark ink on light paper turned round: the paper is what lies along the edge.
function asGray(ink, box, dark) {
  const image = ink.getImageData(...box.map(Math.round));
  const { data, width, height } = image;
  let edge = 0;
  for (let i = 0; i < data.length; i += 4) {
    data[i] = data[i + 1] = data[i + 2] = 0.299 * data[i] + 0.587 * data[i + 1] + 0.114 * data[i + 2];
    const [x, y] = [(i / 4) % width, Math.floor(i / 4 / width)];
    if (x === 0 || y === 0 || x === width - 1 || y === height - 1) edge += data[i];
  }
  const light = dark && edge / (2 * (width + height) - 4) > 127;
  for (let i = 0; light && i < data.length; i += 1) if (i % 4 < 3) data[i] = 255 - data[i];
  ink.putImageData(image, Math.round(box[0]), Math.round(box[1]));
}

// The drawing as uint8 [C, H, W] of the run's images: handwriting as MNIST was made, the ink scaled to 20/28 of the side
// and its centre of mass in the middle. Null where nothing is drawn.
function targetOf(pad, { size, channels, centred }) {
  const small = Object.assign(document.createElement("canvas"), { width: size, height: size });
  const ink = small.getContext("2d", { willReadFrequently: true });
  ink.fillRect(0, 0, size, size);
  const box = inkBox(pad);
  if (!box) return null;
  if (centred && channels === 1) {
    const scale = ((20 / 28) * size) / Math.max(box.width, box.height);
    const from = [size / 2 - (box.x - box.left) * scale, size / 2 - (box.y - box.top) * scale];
    shrink(ink, pad, box, from, scale);
  } else {
    shrink(ink, pad, { left: 0, top: 0, width: pad.width, height: pad.height }, [0, 0], size / pad.width);
  }
  const { data } = ink.getImageData(0, 0, size, size);
  return Uint8Array.from({ length: channels * size * size }, (_, i) => data[4 * (i % (size * size)) + Math.floor(i / (size * size))]);
}

// Halves until the last step is less than that: one step from large to small would skip pixels.
function shrink(ink, source, box, [x, y], scale) {
  let from = source;
  let { left, top, width, height } = box;
  let factor = scale;
  while (factor < 0.5) {
    const half = Object.assign(document.createElement("canvas"), { width: Math.ceil(width / 2), height: Math.ceil(height / 2) });
    half.getContext("2d").drawImage(from, left, top, width, height, 0, 0, width / 2, height / 2);
    [from, left, top, width, height, factor] = [half, 0, 0, width / 2, height / 2, factor * 2];
  }
  ink.drawImage(from, left, top, width, height, x, y, width * factor, height * factor);
}

// Where the ink is, and its centre of mass (x, y).
function inkBox(pad) {
  const { data } = pad.getContext("2d").getImageData(0, 0, pad.width, pad.height);
  let [left, top, right, bottom, x, y, sum] = [pad.width, pad.height, -1, -1, 0, 0, 0];
  for (let i = 0; i < data.length; i += 4) {
    const ink = Math.max(data[i], data[i + 1], data[i + 2]); // of any colour
    if (ink < 32) continue;
    const [column, row] = [(i / 4) % pad.width, Math.floor(i / 4 / pad.width)];
    [left, right] = [Math.min(left, column), Math.max(right, column)];
    [top, bottom] = [Math.min(top, row), Math.max(bottom, row)];
    [x, y, sum] = [x + column * ink, y + row * ink, sum + ink];
  }
  if (!sum) return null;
  return { left, top, width: right - left + 1, height: bottom - top + 1, x: x / sum, y: y / sum };
}

const DRAW_HTML = `
  <p class="hint lead">Draw with mouse or finger, or drop an image here. The search finds the z from which the generator draws it.</p>
  <div class="drawing"><canvas class="pad" role="img"></canvas>
    <div class="tools"><button type="button" class="search">find it</button><button type="button" class="clear">clear</button>
      <label class="colour" hidden>colour <input type="color" value="#ffffff" aria-label="Colour of the brush"></label>
      <label class="button">open an image<input type="file" class="file" accept="image/*"></label></div></div>
  <div class="real" hidden><span class="hint whose"></span> <button type="button" class="quiet others">other ones</button><div class="real-images"></div></div>
  <progress max="1" value="0" aria-label="Progress of the search"></progress><p class="hint told" role="status"></p>
  <div class="buttons"><button type="button" class="work" disabled>work on it</button><button type="button" class="hold" disabled>keep it</button></div>`;
