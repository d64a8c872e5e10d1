// The state of the page as an address: the same words as in ui/explore_state.py, which reads them.

function freshPoint(seed = 0, index = 0, kept = {}) {
  return { seed, index, directions: {}, coordinates: {}, truncation: 100, digit: null, blend: null, basis: null, ...kept };
}

function tokenOf(point) {
  const parts = [`${point.seed}.${point.index}`];
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
