// The search over all pages. Its index is a script that is loaded when the field is used, so that no server is needed.
(() => {
  const form = document.querySelector("#search"), field = form.querySelector("input"), found = document.querySelector("#found");
  const MOST = 30, AROUND = 80;
  const script = document.createElement("script");
  script.addEventListener("load", show);
  form.hidden = false;
  form.addEventListener("submit", event => event.preventDefault());
  for (const kind of ["focus", "input"]) field.addEventListener(kind, load);
  field.addEventListener("input", show);
  form.addEventListener("keydown", event => {
    if (event.key === "Escape") {
      field.value = "";
      show();
    }
  });
  document.addEventListener("click", event => {
    if (!form.contains(event.target)) found.replaceChildren();
  });

  function load() {
    if (script.isConnected) return;
    script.src = "search-index.js";
    document.head.append(script);
  }

  function show() {
    const words = field.value.toLowerCase().split(/\s+/).filter(word => word.length > 1);
    found.replaceChildren();
    if (!words.length || typeof SEARCH_INDEX === "undefined") return;
    const scored = SEARCH_INDEX.map(entry => [score(entry, words), entry]).filter(([points]) => points > 0);
    scored.sort((one, other) => other[0] - one[0]);
    for (const [, entry] of scored.slice(0, MOST)) found.append(result(entry, words));
    if (!scored.length) found.append(element("li", "Nothing found"));
  }

  // Every word has to be there; one in a heading counts for more.
  function score([, page, heading, text], words) {
    const title = `${page} ${heading}`.toLowerCase(), body = text.toLowerCase();
    let points = 0;
    for (const word of words) {
      const times = body.split(word).length - 1;
      if (!times && !title.includes(word)) return 0;
      points += Math.min(times, 5) + (title.includes(word) ? 10 : 0);
    }
    return points;
  }

  function result([address, page, heading, text], words) {
    const item = element("li"), link = element("a", heading === page || page.endsWith(heading) ? page : `${page}: ${heading}`);
    link.href = address;
    item.append(link, snippet(text, words));
    return item;
  }

  function snippet(text, words) {
    const lower = text.toLowerCase();
    const places = words.map(word => lower.indexOf(word)).filter(at => at >= 0);
    const start = Math.max(0, Math.min(...places, text.length) - AROUND);
    const paragraph = element("p", start ? "… " : "");
    let left = text.slice(start, start + 3 * AROUND);
    while (left) {
      const [at, word] = first(left.toLowerCase(), words);
      paragraph.append(left.slice(0, at));
      if (word) paragraph.append(element("mark", left.slice(at, at + word.length)));
      left = left.slice(at + word.length);
    }
    return paragraph;
  }

  function first(text, words) {
    const hits = words.map(word => [text.indexOf(word), word]).filter(([at]) => at >= 0);
    return hits.sort((one, other) => one[0] - other[0])[0] || [text.length, ""];
  }

  function element(name, text = "") {
    const made = document.createElement(name);
    made.textContent = text;
    return made;
  }
})();
