// Numbers as people say them.

function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

// The line above the samples: epoch, bar, step, speed, time left (or taken), device.
function showLine(find, status) {
  const whole = status.limit ? "" : ` of ${Math.max(status.epochs, 1)}`; // where it is the time that ends the run
  find(".epoch").textContent = `epoch ${Math.max(status.epoch, 1)}${whole}`;
  find("progress").value = status.fraction ?? 0;
  find(".step").textContent = `step ${WHOLE.format(status.step)}`;
  find(".speed").textContent = status.images_per_second ? `${WHOLE.format(status.images_per_second)} images/s` : "";
  find(".eta").textContent = timeWords(status);
  find(".device").textContent = [status.device, status.precision].filter(Boolean).join(", ");
}

function timeWords(status) {
  if (status.state === "starting" || status.state === "queued") return status.state;
  if (status.state === "running") return status.eta !== null && status.seconds > 2 ? `${duration(status.eta)} left` : "";
  return `${status.state} after ${duration(status.seconds)}`;
}
