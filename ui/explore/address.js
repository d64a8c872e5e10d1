// The state of the page as an address: the same words as in ui/explore_state.py, which reads them.

function freshPoint(seed = 0, index = 0, kept = {}) {
  return { seed, index, directions: {}, coordinates: {}, truncation: 100, digit: null, blend: null, basis: null, own: null, ...kept };
}

function tokenOf(point) {
  const parts = [`${point.seed}.${point.index}`];
  if (point.own) parts.push(`z${packed(point.own)}`);
  for (const [number, amount] of Object.entries(point.directions)) parts.push(`d${Number(number) + 1}.${amount}`);
  for (const [number, value] of Object.entries(point.coordinates)) parts.push(`c${Number(number) + 1}.${value}`);
  if (point.truncation !== 100) parts.push(`t${point.truncation}`);
  if (point.digit !== null) parts.push(`n${point.digit}${point.blend ? `.${point.blend.join(".")}` : ""}`);
  if (point.basis !== null && Object.keys(point.directions).length) parts.push(`b${point.basis}`);
  return parts.join("_");
}

function queryOf(run, state) {
  const query = new URLSearchParams({ run: run.name, epoch: state.epoch, at: tokenOf(state.point) });
  for (const pick of state.picks) query.append("pick", tokenOf(pick));
  if (state.view !== "sliders") query.set("view", state.view);
  const walk = walkOf(state);
  if (walk !== "slerp-8-loop") query.set("walk", walk);
  for (const name of ["a", "b", "c"]) for (const part of state[name]) query.append(name, tokenOf(part));
  if (state.axes.join() !== "0,1") query.set("axes", state.axes.map((number) => number + 1).join("."));
  if (state.layout !== "plane") query.set("map", state.layout);
  if (state.along !== null) query.set("along", state.along === "walk" ? "walk" : state.along + 1);
  return query.toString();
}

function walkOf({ method, steps, loop }) {
  return `${method}-${steps}${loop ? "-loop" : ""}`;
}

// The same point seen by the generator of another epoch: its directions stay those it was moved along.
function seenFrom(point, oldEpoch, newEpoch) {
  if (!Object.keys(point.directions).length) return { ...point, basis: null };
  const basis = point.basis ?? oldEpoch;
  return { ...point, basis: basis === newEpoch ? null : basis };
}

// A whole z in hundredths, as the part of a token that begins with z.
function packed(own) {
  const view = new DataView(new ArrayBuffer(2 * own.length));
  own.forEach((value, i) => view.setInt16(2 * i, value, true));
  const text = String.fromCharCode(...new Uint8Array(view.buffer));
  return btoa(text).replaceAll("+", "-").replaceAll("/", ".").replaceAll("=", "");
}

// A point that is this z and nothing else; `limit` in hundredths.
function pointOf(z, digit, limit) {
  const own = [...z].map((value) => Math.min(Math.max(Math.round(100 * value), -limit), limit));
  return freshPoint(0, 0, { own, digit });
}
