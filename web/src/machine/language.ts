// uPlot asks for numbers in the browser's language while it is loaded, and throws where that is none: Chrome says
// `en-US@posix` where LANG is C. To be imported before it.
try {
  new Intl.NumberFormat(navigator.language);
} catch {
  Object.defineProperty(navigator, 'language', { value: 'en-US', configurable: true });
}
