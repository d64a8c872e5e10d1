// A generator as an ONNX model, run in this browser by ONNX Runtime (WebAssembly, one thread).

// `script` is the address of the runtime's module; `wasm` the address of its WebAssembly, or its bytes.
async function openRuntime(script, wasm) {
  const runtime = await import(script);
  const { wasm: settings } = runtime.env;
  settings.numThreads = 1; // more would need a page isolated from all others
  if (typeof wasm === "string") settings.wasmPaths = { wasm };
  else settings.wasmBinary = wasm;
  return runtime;
}

const CHUNK = 4; // images computed at a time: between two chunks the page can follow the hand

class Generator {
  constructor(runtime, session) {
    Object.assign(this, { runtime, session, queue: Promise.resolve() });
  }

  static async open(runtime, bytes) {
    return new Generator(runtime, await runtime.InferenceSession.create(bytes, { executionProviders: ["wasm"] }));
  }

  // Images [count, C, H, W] in [-1, 1], flat, of as many rows. One chunk is computed at a time, whoever asks.
  async images(rows, count) {
    const width = rows.length / count;
    const parts = [];
    for (let from = 0; from < count; from += CHUNK) {
      const part = rows.slice(from * width, (from + CHUNK) * width);
      this.queue = this.queue.catch(() => {}).then(() => this.chunk(part, width));
      parts.push(await this.queue);
      if (from + CHUNK < count) await new Promise((rest) => setTimeout(rest));
    }
    return joinedFloats(parts);
  }

  async chunk(rows, width) {
    const input = new this.runtime.Tensor("float32", rows, [rows.length / width, width]);
    const { images } = await this.session.run({ rows: input });
    return images.data;
  }

  close() {
    this.queue = this.queue.catch(() => {}).then(() => this.session.release());
  }
}

function joinedFloats(parts) {
  if (parts.length === 1) return parts[0];
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

// [-1, 1] as [0, 255], as dcgan.data.to_uint8 does it.
function pixelsOf(images) {
  const pixels = new Uint8ClampedArray(images.length);
  for (let i = 0; i < images.length; i += 1) pixels[i] = (images[i] + 1) * 127.5; // rounds half to even and clamps
  return pixels;
}
