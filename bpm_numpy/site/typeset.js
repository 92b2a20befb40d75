// Typesets the formulas of a page with the MathJax that mathjax.js holds. A module is run when another one requires it.
(() => {
  const modules = Object.assign({}, ...Object.values(MATHJAX.bundle).flat().map(([, some]) => some));
  const run = {};

  function require(number) {
    if (!run[number]) {
      run[number] = { exports: {} };
      modules[number].call(run[number].exports, run[number], run[number].exports, require);
    }
    return run[number].exports;
  }
  require.g = window;

  const take = name => require(MATHJAX.modules[name])[name];
  for (const face of Object.values(take("TeXFont").defaultFonts)) {
    face.src = face.src.replace(/%%URL%%\/([\w-]+)\.woff/, (_, name) => MATHJAX.fonts[name]);
  }
  const mathjax = take("mathjax");
  mathjax.handlers.register(new (take("HTMLHandler"))(take("browserAdaptor")()));
  const page = mathjax.document(document, {
    InputJax: new (take("TeX"))({
      packages: take("AllPackages"),
      inlineMath: [["$", "$"]],
      displayMath: [["$$", "$$"]],
    }),
    OutputJax: new (take("CHTML"))(),
  });
  page.render();
  for (const formula of page.math) {
    formula.typesetRoot.setAttribute("role", "math");
    formula.typesetRoot.setAttribute("aria-label", formula.math); // its glyphs can't be read aloud
  }

  // A formula inside a sentence that is wider than the sentence scrolls by itself. Fonts that come, folds that open and
  // windows that change all change the page's size.
  function fit() {
    for (const formula of document.querySelectorAll("mjx-container:not([display])")) {
      const width = Math.max(formula.offsetWidth, formula.scrollWidth);
      formula.classList.toggle("wide", width > formula.parentElement.clientWidth);
    }
  }
  new ResizeObserver(() => requestAnimationFrame(fit)).observe(document.querySelector("main"));
})();
