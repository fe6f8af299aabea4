// The face outline over the person's own picture, and the timeline.

// Closed and open outlines as indices into the 478 landmarks of MediaPipe Face Mesh.
const OUTLINES = [
  [10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150, 136, 172,
    58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109, 10],
  [61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185, 61],
  [78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191, 78],
  [362, 398, 384, 385, 386, 387, 388, 466, 263, 249, 390, 373, 374, 380, 381, 382, 362],
  [33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7, 33],
  [336, 296, 334, 293, 300],
  [107, 66, 105, 63, 70],
];

/** Draw `points` ([x0, y0, x1, y1, ...] px in a frame of width x height) over the picture; null clears. */
export function drawFace(canvas, points, width, height) {
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, width, height);
  if (!points) return;
  context.fillStyle = "rgba(255, 255, 255, 0.75)";
  for (let i = 0; i < points.length; i += 2) context.fillRect(points[i] - 0.6, points[i + 1] - 0.6, 1.4, 1.4);
  context.lineJoin = "round";
  for (const [colour, lineWidth] of [["rgba(10, 40, 45, 0.55)", 3.4], ["rgba(125, 222, 214, 0.95)", 1.6]]) {
    context.strokeStyle = colour;
    context.lineWidth = lineWidth;
    for (const outline of OUTLINES) {
      context.beginPath();
      outline.forEach((index, i) => {
        const [x, y] = [points[2 * index], points[2 * index + 1]];
        if (i === 0) context.moveTo(x, y);
        else context.lineTo(x, y);
      });
      context.stroke();
    }
  }
}

const SECONDS = 60;
// Breaks in time longer than this are gaps in the line, not a bridge over what was not seen.
const GAP_S = 2;

function line(context, points, toX, toY, colour, dash) {
  context.strokeStyle = colour;
  context.setLineDash(dash);
  context.beginPath();
  let previous = null;
  for (const [seconds, value] of points) {
    const [x, y] = [toX(seconds), toY(value)];
    if (previous === null || seconds - previous > GAP_S) context.moveTo(x, y);
    else context.lineTo(x, y);
    previous = seconds;
  }
  context.stroke();
}

/** Draw rows of {t, values: {name: number in [-1, 1]}} of the last minute; `series` is [{name, colour, dash}], `marks` are
 * [{t}], brief movements, each a small triangle below the lines. */
export function drawTimeline(canvas, rows, series, now, colours, marks = []) {
  const scale = Math.min(window.devicePixelRatio || 1, 2);
  const width = Math.max(200, canvas.clientWidth);
  const height = Math.max(90, canvas.clientHeight);
  canvas.width = width * scale;
  canvas.height = height * scale;
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  const [left, top, bottom] = [26, 8, 16];
  const toX = (seconds) => left + (width - left - 6) * (1 - (now - seconds) / SECONDS);
  const toY = (value) => top + ((height - top - bottom) * (1 - value)) / 2;
  context.font = "11px system-ui, sans-serif";
  context.fillStyle = colours.text;
  context.strokeStyle = colours.grid;
  context.lineWidth = 1;
  for (const value of [-1, 0, 1]) {
    context.beginPath();
    context.moveTo(left, toY(value));
    context.lineTo(width - 6, toY(value));
    context.stroke();
    context.fillText(value > 0 ? `+${value}` : String(value), 4, toY(value) + 4);
  }
  context.fillText("-60 s", left, height - 3);
  context.textAlign = "right";
  context.fillText("0 s", width - 6, height - 3);
  context.lineWidth = 2;
  const recent = rows.filter((row) => now - row.t <= SECONDS);
  for (const { name, colour, dash } of series) {
    const points = recent.filter((row) => name in row.values).map((row) => [row.t, row.values[name]]);
    line(context, points, toX, toY, colour, dash);
  }
  context.fillStyle = colours.text;
  for (const { t: seconds } of marks) {
    const [x, y] = [toX(seconds), height - bottom];
    context.beginPath();
    context.moveTo(x, y - 9);
    context.lineTo(x - 5, y);
    context.lineTo(x + 5, y);
    context.fill();
  }
}
