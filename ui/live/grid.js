// Sample grids on canvases: every image pixel becomes a square of whole device pixels, so nothing is blurred.

// Images by address; the last ones asked for are kept.
class FrameCache {
  constructor(limit = 400) {
    this.limit = limit;
    this.images = new Map();
  }

  get(url) {
    const known = this.images.get(url);
    if (known) {
      this.images.delete(url);
      this.images.set(url, known);
      return known;
    }
    const image = new Image();
    image.src = new URL(url, document.baseURI).href;
    const ready = image.decode().then(() => image, () => {
      this.images.delete(url);
      return null;
    });
    this.images.set(url, ready);
    if (this.images.size > this.limit) this.images.delete(this.images.keys().next().value);
    return ready;
  }
}

// Draws the tiles [firstRow..][firstColumn..] of `image` (tiles of `size` pixels) with thin gaps into `context`.
function drawTiles(context, image, size, { columns, rows, scale, gap, left = 0, top = 0 }) {
  context.imageSmoothingEnabled = false;
  const side = size * scale;
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const x = left + column * (side + gap);
      const y = top + row * (side + gap);
      context.drawImage(image, column * size, row * size, size, size, x, y, side, side);
    }
  }
}

// The big grid; `show` keeps the old picture until the new one has arrived, and drops what came too late.
class DigitGrid {
  constructor(canvas, columns, size) {
    Object.assign(this, { canvas, columns, size, rows: columns, image: null, stamp: 0 });
  }

  // Sets the size for at most `width` CSS pixels; answers the CSS width taken.
  fit(width) {
    const ratio = window.devicePixelRatio || 1;
    const room = Math.floor(width * ratio);
    this.scale = Math.max(1, Math.floor(room / (this.columns * this.size)));
    this.gap = Math.max(1, Math.round(this.scale / 2));
    if (this.across() > room && this.scale > 1) {
      this.gap = 1;
      if (this.across() > room) this.scale -= 1;
    }
    this.canvas.width = this.across();
    this.canvas.height = this.across(this.rows);
    this.canvas.style.width = `${this.canvas.width / ratio}px`;
    this.canvas.style.height = `${this.canvas.height / ratio}px`;
    this.draw();
    return this.canvas.width / ratio;
  }

  across(tiles = this.columns) {
    return tiles * this.size * this.scale + (tiles - 1) * this.gap;
  }

  async show(pending) {
    const stamp = ++this.stamp;
    const image = await pending;
    if (!image || stamp !== this.stamp) return false;
    this.image = image;
    const rows = Math.round(image.naturalHeight / this.size);
    if (rows !== this.rows) {
      this.rows = rows;
      this.canvas.height = this.across(rows);
      this.canvas.style.height = `${this.canvas.height / (window.devicePixelRatio || 1)}px`;
    }
    this.draw();
    return true;
  }

  draw() {
    const context = this.canvas.getContext("2d");
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    if (this.image) {
      drawTiles(context, this.image, this.size, { ...this, image: undefined });
    } else {
      context.fillStyle = "#000";
      for (let i = 0; i < this.columns * this.rows; i += 1) {
        const side = this.size * this.scale;
        const [row, column] = [Math.floor(i / this.columns), i % this.columns];
        context.fillRect(column * (side + this.gap), row * (side + this.gap), side, side);
      }
    }
  }
}

// A film strip on one canvas: two or four digits of each frame, as many frames as fit, the chosen one framed.
class FilmStrip {
  constructor(canvas, cache, size, onPick) {
    Object.assign(this, { canvas, cache, size, frames: [], current: 0, first: 0, stamp: 0 });
    canvas.addEventListener("click", (event) => {
      const index = this.first + Math.floor(event.offsetX / this.pitch);
      if (index < this.frames.length) onPick(index);
    });
  }

  // `rows` of two digits for each frame.
  fit(width, rows = 2) {
    const ratio = window.devicePixelRatio || 1;
    const scale = Math.max(1, Math.round((56 * ratio) / (2 * this.size)));
    const side = 2 * this.size * scale + 1;
    const high = rows * this.size * scale + rows - 1;
    Object.assign(this, { ratio, scale, side, high, rows, space: Math.round(8 * ratio) });
    this.pitch = (side + this.space) / ratio;
    this.visible = Math.max(1, Math.floor((width + this.space / ratio) / this.pitch));
    this.canvas.width = Math.floor(width * ratio);
    this.canvas.height = high + Math.round(22 * ratio);
    this.canvas.style.width = `${this.canvas.width / ratio}px`;
    this.canvas.style.height = `${this.canvas.height / ratio}px`;
  }

  update(frames, current, colours) {
    Object.assign(this, { frames, current, colours });
    const last = Math.max(0, frames.length - this.visible);
    this.first = Math.min(last, Math.max(0, current - Math.floor(this.visible / 2)));
    this.draw();
  }

  async draw() {
    const stamp = ++this.stamp;
    const shown = this.frames.slice(this.first, this.first + this.visible);
    const images = await Promise.all(shown.map((frame) => this.cache.get(frame.url)));
    if (stamp !== this.stamp) return;
    const context = this.canvas.getContext("2d");
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    images.forEach((image, place) => this.drawFrame(context, image, place));
  }

  drawFrame(context, image, place) {
    const chosen = this.first + place === this.current;
    const left = place * (this.side + this.space);
    context.globalAlpha = chosen ? 1 : 0.55;
    if (image) drawTiles(context, image, this.size, { columns: 2, rows: this.rows, scale: this.scale, gap: 1, left });
    context.globalAlpha = 1;
    context.fillStyle = chosen ? this.colours.text : this.colours.quiet;
    context.font = `${chosen ? 600 : 400} ${12 * this.ratio}px ${this.colours.font}`;
    context.textAlign = "center";
    const middle = left + this.side / 2;
    context.fillText(this.frames[this.first + place].label, middle, this.high + 15 * this.ratio);
    if (chosen) context.fillRect(left, this.high + 19 * this.ratio, this.side, 2 * this.ratio);
  }
}
