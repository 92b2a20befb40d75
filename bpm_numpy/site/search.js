// The search over all pages. Its index is a script that is loaded when the field is used, so that no server is needed.
(() => {
  const form = document.querySelector("#search"), field = form.querySelector("input"), found = document.querySelector("#found");
  const MOST = 30, AROUND = 80;
  const LESS = ["Further reading", "Exercises"]; // parts that name much and explain little
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
    const typed = field.value.replaceAll("\\", "").split(/\s+/).filter(Boolean);
    const words = typed.filter(word => word.length > 1 || /[^a-z0-9]/i.test(word));
    found.replaceChildren();
    if (!typed.length || typeof SEARCH_INDEX === "undefined") return;
    const patterns = words.map(pattern);
    const scored = SEARCH_INDEX.map(entry => [score(entry, patterns), entry]).filter(([points]) => points > 0);
    scored.sort((one, other) => other[0] - one[0]);
    for (const [, entry] of scored.slice(0, MOST)) found.append(result(entry, patterns.join("|")));
    if (!scored.length) found.append(element("li", words.length ? "Nothing found" : "Type two letters"));
  }

  // A word as a regular expression, in which alpha and α are the same.
  function pattern(word) {
    const pairs = Object.entries(LETTERS).sort(([one], [other]) => other.length - one.length); // theta before eta
    const either = part => pairs.find(pair => pair.includes(part.toLowerCase())).join("|");
    const escaped = word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    return escaped.replace(new RegExp(pairs.flat().join("|"), "gi"), part => `(?:${either(part)})`);
  }

  const matches = (text, pattern) => [...text.matchAll(new RegExp(pattern, "gi"))];

  // The part of a page that is the page's beginning has its title as the heading.
  const begins = (page, heading) => page.endsWith(heading);

  // Every word has to be there; one in a heading counts for more, and one in a page's title for most.
  function score([, page, heading, text], patterns) {
    const title = begins(page, heading) ? 20 : 10;
    let points = 0;
    for (const word of patterns) {
      const times = matches(text, word).length, named = matches(heading, word).length;
      if (!times && !named && !matches(page, word).length) return 0;
      points += Math.min(times, 5) + (named ? title : 0);
    }
    return LESS.includes(heading) ? points / 2 : points;
  }

  function result([address, page, heading, text], words) {
    const item = element("li"), link = element("a", begins(page, heading) ? page : `${page}: ${heading}`);
    link.href = address;
    item.append(link, snippet(text, words));
    return item;
  }

  // The text around the first of the words, with all of them marked.
  function snippet(text, words) {
    const start = Math.max(0, text.search(new RegExp(words, "i")) - AROUND);
    const paragraph = element("p", start ? "… " : ""), shown = text.slice(start, start + 3 * AROUND);
    let at = 0;
    for (const { 0: word, index } of matches(shown, words)) {
      paragraph.append(shown.slice(at, index), element("mark", word));
      at = index + word.length;
    }
    paragraph.append(shown.slice(at));
    return paragraph;
  }

  function element(name, text = "") {
    const made = document.createElement(name);
    made.textContent = text;
    return made;
  }
})();
