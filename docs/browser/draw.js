// Draw a digit, and see what a network trained and exported by minidl makes of it. Nothing leaves the browser.
"use strict";

const ink = document.getElementById("ink"), pen = ink.getContext("2d", { willReadFrequently: true });
const status = document.getElementById("status");
let session, side = 28, running = false, again = false;

// ---------------------------------------------------------------- the drawing as an image like those of the data set

// The part [left, left + width) x [top, top + height) of an image of n columns, averaged over areas to columns x rows.
function shrink(image, n, left, top, width, height, columns, rows) {
  const out = new Float32Array(columns * rows), stepX = width / columns, stepY = height / rows;
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) {
    let sum = 0, area = 0;
    const y0 = top + i * stepY, y1 = y0 + stepY, x0 = left + j * stepX, x1 = x0 + stepX;
    for (let y = Math.floor(y0); y < y1; y++) for (let x = Math.floor(x0); x < x1; x++) {
      const share = (Math.min(y + 1, y1) - Math.max(y, y0)) * (Math.min(x + 1, x1) - Math.max(x, x0));
      sum += share * (image[y * n + x] ?? 0);
      area += share;
    }
    out[i * columns + j] = area ? sum / area : 0;
  }
  return out;
}

// As MNIST was made: the digit's box is scaled, with its proportions, to 20 of 28 pixels, and its centre of mass comes
// to the middle. Smaller images, of 8 pixels, are filled by the box. Returns null where nothing is drawn.
function prepare(image, n, side) {
  let left = n, top = n, right = -1, bottom = -1;
  for (let y = 0; y < n; y++) for (let x = 0; x < n; x++) if (image[y * n + x] > 0.1) {
    left = Math.min(left, x), right = Math.max(right, x), top = Math.min(top, y), bottom = Math.max(bottom, y);
  }
  if (right < 0) return null;
  const width = right - left + 1, height = bottom - top + 1, box = side === 28 ? 20 : side;
  const scale = box / Math.max(width, height);
  const columns = Math.max(1, Math.round(width * scale)), rows = Math.max(1, Math.round(height * scale));
  const small = shrink(image, n, left, top, width, height, columns, rows);
  let mass = 0, atX = 0, atY = 0;
  small.forEach((v, k) => { mass += v, atX += v * (k % columns + 0.5), atY += v * (Math.floor(k / columns) + 0.5); });
  const place = (centre, size) => side === 28 ? Math.min(Math.max(Math.round(side / 2 - centre), 0), side - size)
                                              : Math.round((side - size) / 2);
  const x0 = place(atX / mass, columns), y0 = place(atY / mass, rows), out = new Float32Array(side * side);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) {
    out[(i + y0) * side + j + x0] = small[i * columns + j];
  }
  return out;
}

// ---------------------------------------------------------------- the results

function show(canvas, values, width, height, low, high) {
  canvas.width = width, canvas.height = height;
  const image = new ImageData(width, height);
  for (let k = 0; k < width * height; k++) {
    const grey = 255 * (values[k] - low) / (high - low || 1);
    image.data.set([grey, grey, grey, 255], 4 * k);
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function softmax(scores) {
  const most = Math.max(...scores), powers = Array.from(scores, s => Math.exp(s - most));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map(p => p / sum);
}

function showScores(shares) {
  const best = shares ? shares.indexOf(Math.max(...shares)) : -1;
  document.querySelectorAll(".score").forEach((row, k) => {
    row.classList.toggle("first", k === best);
    row.querySelector(".bar").style.width = shares ? `${100 * shares[k]}%` : 0;
    row.querySelector("output").textContent = shares ? `${(100 * shares[k]).toFixed(1)} %` : "";
  });
}

function showMaps(maps) {
  const grid = document.getElementById("grid"), [, count, height, width] = maps.dims, size = height * width;
  while (grid.children.length < count) grid.append(document.createElement("canvas"));
  let most = 0;
  for (const value of maps.data) most = Math.max(most, value);
  for (let k = 0; k < count; k++) {
    show(grid.children[k], maps.data.subarray(k * size, (k + 1) * size), width, height, 0, most);
  }
}

async function recognise() {
  if (running) { again = true; return; }
  running = true;
  const { data } = pen.getImageData(0, 0, ink.width, ink.height);
  const image = Float32Array.from({ length: ink.width * ink.height }, (_, k) => data[4 * k] / 255);
  const drawn = prepare(image, ink.width, side), pixels = drawn ?? new Float32Array(side * side);
  show(document.getElementById("seen"), pixels, side, side, 0, 1);
  const start = performance.now();
  const { scores, maps } = await session.run({ pixels: new ort.Tensor("float32", pixels, [1, 1, side, side]) });
  const took = performance.now() - start, shares = softmax(scores.data);
  showScores(drawn && shares);
  showMaps(maps);
  status.textContent = drawn ? `It reads ${shares.indexOf(Math.max(...shares))} (${took.toFixed(1)} ms).`
                             : "Draw with the mouse, a pen or a finger. Nothing leaves this page.";
  window.result = { pixels: Array.from(pixels), scores: Array.from(scores.data), drawn: drawn !== null };
  running = false;
  if (again) { again = false; recognise(); }
}

// ---------------------------------------------------------------- the pen

function clear() {
  pen.fillStyle = "#000";
  pen.fillRect(0, 0, ink.width, ink.height);
  if (session) recognise();
}

function position(event) {
  const frame = ink.getBoundingClientRect(), scale = ink.width / frame.width;
  return [(event.clientX - frame.left) * scale, (event.clientY - frame.top) * scale];
}

function line(from, to) {
  pen.strokeStyle = "#fff", pen.lineWidth = 20, pen.lineCap = pen.lineJoin = "round";
  pen.beginPath(), pen.moveTo(...from), pen.lineTo(...to), pen.stroke();
}

let last = null;
ink.addEventListener("pointerdown", event => {
  ink.setPointerCapture(event.pointerId);
  last = position(event);
  line(last, last);
});
ink.addEventListener("pointermove", event => {
  if (!last) return;
  const now = position(event);
  line(last, now);
  last = now;
  if (session) recognise();
});
for (const kind of ["pointerup", "pointercancel"]) {
  ink.addEventListener(kind, () => { last = null; if (session) recognise(); });
}
document.getElementById("clear").addEventListener("click", clear);

// ---------------------------------------------------------------- the network

async function begin() {
  for (let k = 0; k < 10; k++) {
    document.getElementById("scores").insertAdjacentHTML("beforeend",
      `<div class="score"><span>${k}</span><div class="bar"></div><output></output></div>`);
  }
  clear();
  if (!window.ort) throw new Error("onnxruntime-web is not there: npm install onnxruntime-web@1.30.0 in this folder");
  ort.env.wasm.numThreads = 1;
  session = await ort.InferenceSession.create("lenet.onnx");
  side = session.inputMetadata[0].shape[2];
  await recognise();
}

begin().catch(error => { status.textContent = `The network could not be loaded: ${error.message ?? error}`; });
