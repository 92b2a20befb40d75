"use strict";
/* A plastic network that runs in the page, and its gradient by hand.

   w(t) = w + alpha ⊗ Hebb(t),  Hebb(t+1) = Clip(Hebb(t) + M(t) h_{t-1} h_tᵀ),  M(t) = tanh(h_t · W_m + b_m)

   This is one_page.py once more, with its letters (a) to (j). Vectors are arrays, matrices arrays of rows [pre][post];
   dA means dL/dA. The functions down to "The page" compute and touch nothing; a test holds them to the Python network.
*/

const dot = (a, b) => a.reduce((sum, a_i, i) => sum + a_i * b[i], 0);
const left = (a, W) => W[0].map((_, j) => a.reduce((sum, a_i, i) => sum + a_i * W[i][j], 0)); // a @ W
const right = (W, b) => W.map(row => dot(row, b)); // W @ b
const outer = (a, b) => a.map(a_i => b.map(b_j => a_i * b_j));
const entries = (f, ...matrices) => matrices[0].map((row, i) => row.map((_, j) => f(...matrices.map(A => A[i][j]))));
const largest = matrices => Math.max(...matrices.flat(2).map(Math.abs));

/* p: parameters. inputs: one object a step, {x, modulated, frozen, clip}. Not modulated: M(t) is 0. Frozen: Hebb(t+1)
   is Hebb(t). Returns one object a step: that of the input, and what the step computed. */
function forward(p, inputs) {
  let h = p.b.map(() => 0), hebb = entries(() => 0, p.W_h); // h_{-1}, Hebb(0)
  return inputs.map(input => {
    const h_prev = h, before = hebb;
    const W = entries((w, alpha, H) => w + alpha * H, p.W_h, p.alpha, before); // w(t)
    const from_x = left(input.x, p.W_x), y = left(h_prev, W);
    h = p.b.map((b, j) => Math.tanh(from_x[j] + y[j] + b)); // h_t
    const M = input.modulated ? Math.tanh(dot(h, p.W_m) + p.b_m) : 0;
    const write = entries(E => M * E, outer(h_prev, h)); // M(t) E(t)
    const u = input.frozen ? before : entries((H, added) => H + added, before, write);
    const inside = entries(value => input.frozen || Math.abs(value) <= input.clip, u);
    hebb = entries((value, passed) => passed ? value : Math.sign(value) * input.clip, u, inside); // Hebb(t+1)
    const logits = left(h, p.W_y).map((z, a) => z + p.b_y[a]);
    return { ...input, h_prev, before, W, h, M, write, inside, hebb, logits };
  });
}

/* d_logits: dL/dlogits, one array a step. Returns {dh, dM, arrives, dhebb} a step: dL/dh_t and dL/dM(t); dL/dHebb(t+1),
   which arrives from the steps after it; and dL/dHebb(t), which goes on to the step before. */
function backward(p, steps, d_logits) {
  let dh_later = p.b.map(() => 0), dhebb = entries(() => 0, p.W_h);
  const adjoints = [];
  for (let t = steps.length - 1; t >= 0; t--) {
    const { h_prev, W, h, M, inside, modulated, frozen } = steps[t], arrives = dhebb;
    const from_logits = right(p.W_y, d_logits[t]); // (a) the readout
    const du = entries((d, passed) => passed ? d : 0, arrives, inside); // (b) Clip: what was cut has no gradient
    const dM = frozen ? 0 : dot(h_prev, right(du, h)); // (c) the update u = Hebb + M E: Σ_ij E_ij du_ij
    const dE = entries(d => frozen ? 0 : M * d, du);
    const from_product = right(dE, h), dp = left(h_prev, dE); // (e) E = h_{t-1} h_tᵀ, to both
    const dm = modulated ? (1 - M * M) * dM : 0; // (f) the modulator
    const dh = dh_later.map((d, j) => d + from_logits[j] + dp[j] + p.W_m[j] * dm); // (g) from all who read h_t
    const dz = dh.map((d, j) => (1 - h[j] * h[j]) * d); // (h) the cell
    const used = right(W, dz); // (i) the plastic input
    dh_later = used.map((d, i) => d + from_product[i]);
    dhebb = entries((d, alpha, dW) => d + alpha * dW, du, p.alpha, outer(h_prev, dz)); // (c) kept, (j) used
    adjoints[t] = { dh, dM, arrives, dhebb };
  }
  return adjoints;
}

/* logits, and the number of the right label -> P, the loss -log P[target], and dL/dlogits. */
function crossEntropy(logits, target) {
  const top = Math.max(...logits), powers = logits.map(z => Math.exp(z - top)), sum = dot(powers, powers.map(() => 1));
  const P = powers.map(power => power / sum);
  return { P, loss: Math.log(sum) - (logits[target] - top), d: P.map((share, a) => share - (a === target)) };
}

/* The page. What was shown is kept, with the switches of its time; all else is computed anew for each picture. */
function start() {
  const memory = JSON.parse(document.getElementById("memory").textContent), params = memory.params;
  const element = Object.fromEntries([...document.querySelectorAll("[id]")].map(found => [found.id, found]));
  const labels = Object.keys(memory.inputs).filter(name => !isNaN(name)), empty = "?";
  const isCue = name => name !== empty && isNaN(name);
  const inWords = name => name === empty ? "the empty step" : `${isCue(name) ? "cue" : "label"} ${name}`;
  let shown = [], seen = -1; // the inputs, and the number of the step that is looked at

  const round = value => value.toFixed(2).replace(/^-0.00$/, "0.00").replace("-", "−");
  const short = value => value === 0 ? "0" : value.toPrecision(2).replaceAll("-", "−");
  const percent = share => `${Math.round(100 * share)} %`;

  function make(tag, properties = {}, ...children) {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  }

  /* A canvas with a square an entry, on the scale ±bound. cell: pixels a square; cut: true where a dot goes; pre and
     post: h_{t-1} and h_t, as strips left of the matrix and below it. */
  function paint(name, matrix, bound, { cell = 12, cut = null, pre = null, post = null } = {}) {
    const rows = matrix.length, columns = matrix[0].length, edge = pre ? 2 : 0;
    const canvas = make("canvas", { width: cell * (columns + edge), height: cell * (rows + edge) });
    const context = canvas.getContext("2d"), style = getComputedStyle(document.documentElement);
    const [zero, positive, negative, mark] = ["--zero", "--positive", "--negative", "--cut"].map(
      variable => style.getPropertyValue(variable).trim());
    const square = (i, j, colour, opacity, margin = 0) => {
      context.fillStyle = colour;
      context.globalAlpha = opacity;
      context.fillRect(j * cell + margin, i * cell + margin, cell - 2 * margin, cell - 2 * margin);
    };
    const entry = (i, j, value, limit) => {
      square(i, j, zero, 1);
      square(i, j, value > 0 ? positive : negative, limit && Math.abs(value) / limit);
    };
    matrix.forEach((row, i) => row.forEach((value, j) => {
      entry(i, j + edge, value, bound);
      if (cut && cut[i][j]) square(i, j + edge, mark, 1, Math.floor(cell / 3));
    }));
    if (pre) pre.forEach((value, i) => entry(i, 0, value, 1));
    if (post) post.forEach((value, j) => entry(rows + 1, j + edge, value, 1));
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `${name}, largest entry ${short(largest([matrix]))}`);
    canvas.onpointermove = canvas.onpointerdown = event => {
      const box = canvas.getBoundingClientRect();
      const i = Math.floor((event.clientY - box.top) / box.height * (rows + edge));
      const j = Math.floor((event.clientX - box.left) / box.width * (columns + edge)) - edge;
      if (i in matrix && j in matrix[i]) {
        const place = rows > 1 ? `row ${i} (pre), column ${j} (post)` : `neuron ${j}`;
        element.pointed.textContent = `${name}, ${place}: ${short(matrix[i][j])}`;
      }
    };
    return canvas;
  }

  const bar = (size, colour) => make("i", { className: "bar", style: `--size: ${size}; background: var(${colour})` });
  const show = (id, canvas) => element[id].replaceChildren(canvas);

  const switches = () => ({
    modulated: element.modulated.checked, frozen: element.frozen.checked, clip: Number(element.clip.value),
  });
  const add = name => {
    shown.push({ name, x: memory.inputs[name], ...switches() });
    seen = shown.length - 1;
  };
  const setClip = value => {
    element.clip.value = value;
    element.clip_value.textContent = Number(element.clip.value).toFixed(2);
  };
  const actions = {
    back: () => { shown.pop(); seen = shown.length - 1; },
    again: () => { shown = shown.map(input => ({ ...input, ...switches() })); },
    clear: () => { shown = []; seen = -1; },
    earlier: () => { seen = Math.max(seen - 1, Math.min(0, shown.length - 1)); },
    later: () => { seen = Math.min(seen + 1, shown.length - 1); },
  };
  const words = { // of the recipes, besides the names of inputs
    "M-off": () => { element.modulated.checked = false; },
    "freeze": () => { element.frozen.checked = true; },
    "clip": value => setClip(value),
    "right": value => { element.target.value = value; },
    "look": value => { seen = Number(value); },
  };

  const recipes = [...document.querySelectorAll("[data-recipe]")]; // buttons, each with its text behind it

  function follow(recipe) {
    for (const button of recipes) button.ariaCurrent = button === recipe;
    element.story.innerHTML = `<b>${recipe.textContent}</b> ${recipe.nextElementSibling.innerHTML}`;
    element.next.onclick = () => follow(recipes[(recipes.indexOf(recipe) + 1) % recipes.length]);
    actions.clear();
    element.modulated.checked = true;
    element.frozen.checked = false;
    element.target.value = "";
    setClip(memory.clip);
    for (const word of recipe.dataset.recipe.split(" ")) {
      const [name, value] = word.split("=");
      if (name in words) words[name](value); else add(name);
    }
    draw();
  }

  /* The label that was shown last after the cue that was shown last; the first label if none was. */
  function shownLast() {
    const names = shown.map(input => input.name), cue = names.findLast(isCue);
    const at = names.findLastIndex((name, t) => labels.includes(name) && names[t - 1] === cue);
    return at < 0 ? labels[0] : names[at];
  }

  function draw() {
    const steps = forward(params, shown), last = steps.length - 1;
    element.result.hidden = last < 0;
    element.said.textContent = last < 0 ? "Nothing has been shown yet: Hebb(0) is zero. Press a letter." : "";
    if (last < 0) return;
    const target = element.target.value || shownLast();
    const outputs = steps.map(step => crossEntropy(step.logits, labels.indexOf(target)));
    const adjoints = backward(params, steps, outputs.map(({ d }, t) => t === last ? d : d.map(() => 0)));
    const answers = outputs.map(({ P }) => labels[P.indexOf(Math.max(...P))]);
    const bounds = { // of one kind of matrix, one scale at all steps
      weights: largest(steps.map(step => step.W)), write: largest(steps.map(step => step.write)),
      hebb: largest(steps.map(step => step.hebb)),
      dhebb: largest(adjoints.map(of => of.dhebb)), dh: largest(adjoints.map(of => [of.dh])),
    };
    const cuts = steps.map(step => entries(passed => !passed, step.inside));
    const row = (name, cell) => make("tr", {}, make("th", { scope: "row", innerHTML: name }), ...steps.map((step, t) =>
      make("td", { className: t === seen ? "seen" : "" }, cell(step, t))));
    const focused = element.film.contains(document.activeElement);
    element.film.replaceChildren(
      row("step", (step, t) => make("button", {
        type: "button", ariaPressed: t === seen, ariaLabel: `Look at step ${t}: ${inWords(step.name)}`,
        onclick: () => { seen = t; draw(); },
      }, step.name, make("small", {}, `t = ${t}`))),
      row("answer", (step, t) => step.name === empty ? `${answers[t]} (${percent(Math.max(...outputs[t].P))})` : "–"),
      row("switches", step => [step.modulated ? "" : "M off", step.frozen ? "frozen" : "",
        step.clip === memory.clip ? "" : `clip ${step.clip}`].filter(Boolean).join(", ") || "–"),
      row("<i>M</i>(t)", step =>
        make("span", {}, bar(Math.abs(step.M), step.M > 0 ? "--positive" : "--negative"), round(step.M))),
      row("Hebb(t+1)", (step, t) => paint(`Hebb(${t + 1})`, step.hebb, bounds.hebb, { cell: 3 })),
      row("dHebb(t+1)", (step, t) =>
        paint(`dHebb(${t + 1})`, adjoints[t].arrives, bounds.dhebb, { cell: 3, cut: cuts[t] })),
      row("d<i>h</i><sub>t</sub>", (step, t) => paint(`dh at step ${t}`, [adjoints[t].dh], bounds.dh, { cell: 3 })),
    );
    if (focused) element.film.querySelectorAll("button")[seen].focus();
    element.reel.scrollLeft = element.film.rows[0].cells[seen + 1].offsetLeft - element.reel.clientWidth / 2;

    const t = seen, step = steps[t], of = adjoints[t], cut = cuts[t].flat().filter(Boolean).length;
    const strips = { pre: step.h_prev, post: step.h };
    element.title.textContent = `Step ${t}: ${inWords(step.name)}`;
    element.way.textContent = `Backwards through step ${t}`;
    element.said.textContent = `Step ${t}, ${inWords(step.name)}: M(${t}) = ${round(step.M)}` +
      (step.name === empty ? `. The network answers ${answers[t]} with ${percent(Math.max(...outputs[t].P))}.` : ".");
    element.output.replaceChildren(...labels.map((label, a) => make("li", {}, make("span", {}, label),
      make("span", {}, percent(outputs[t].P[a])), bar(outputs[t].P[a], "--link"))));
    show("weights", paint(`W̃(${t})`, step.W, bounds.weights, strips));
    show("before", paint(`Hebb(${t})`, step.before, bounds.hebb, strips));
    show("write", paint(`M(${t}) times the product`, step.write, bounds.write, strips));
    show("after", paint(`Hebb(${t + 1})`, step.hebb, bounds.hebb, strips));
    show("h", paint(`h at step ${t}`, [step.h], 1));
    show("dh", paint(`dh at step ${t}`, [of.dh], bounds.dh));
    show("arrives", paint(`dHebb(${t + 1})`, of.arrives, bounds.dhebb, { cut: cuts[t], ...strips }));
    show("leaves", paint(`dHebb(${t})`, of.dhebb, bounds.dhebb, strips));
    element.dM.textContent = short(of.dM);
    element.cut.textContent = `${cut} of ${cuts[t].flat().length}`;
    element.loss.textContent = `L = −log P(${target}) at step ${last} = ${short(outputs[last].loss)}`;
    element.scales.textContent = `W̃ ±${short(bounds.weights)}, added ±${short(bounds.write)}, ` +
      `Hebb ±${short(bounds.hebb)}, dHebb ±${short(bounds.dhebb)}, dh ±${short(bounds.dh)}`;
  }

  for (const name in memory.inputs) {
    const group = name === empty ? element.ask : isCue(name) ? element.cues : element.labels;
    group.append(make("button", { type: "button", textContent: name, onclick: () => { add(name); draw(); } }));
  }
  for (const label of labels) element.target.append(make("option", { value: label, textContent: label }));
  for (const name in actions) element[name].onclick = () => { actions[name](); draw(); };
  for (const button of recipes) button.onclick = () => {
    follow(button);
    if (element.story.offsetParent) element.board.scrollIntoView(); // the list is above the board, not beside it
  };
  element.clip.oninput = () => setClip(element.clip.value);
  element.target.onchange = draw;
  element.board.onkeydown = event => {
    const keys = { Backspace: "back", ArrowLeft: "earlier", ArrowRight: "later" }, name = event.key.toUpperCase();
    const typed = name in memory.inputs, typing = ["range", "select-one"].includes(event.target.type);
    if (typing || event.ctrlKey || event.altKey || event.metaKey || !(typed || event.key in keys)) return;
    event.preventDefault();
    if (typed) add(name); else actions[keys[event.key]]();
    draw();
  };
  matchMedia("(prefers-color-scheme: dark)").onchange = draw;
  const table = element.film.parentElement;
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = document.querySelectorAll("details:not([open])");
    for (const details of folded) details.open = true;
    table.style.zoom = Math.min(1, 600 / table.offsetWidth); // pixels across a sheet
  });
  addEventListener("afterprint", () => {
    for (const details of folded) details.open = false;
    table.style.zoom = 1;
  });
  follow(recipes[0]);
}

if (typeof module !== "undefined") module.exports = { forward, backward, crossEntropy };
else if (document.getElementById("memory")) start();
