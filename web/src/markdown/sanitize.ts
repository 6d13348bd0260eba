// What may stand in the page of what a model wrote: text and its form, nothing that runs, loads or looks like the page itself.
import DOMPurify from 'dompurify';

const TAGS = [
  'p',
  'br',
  'hr',
  'h1',
  'h2',
  'h3',
  'h4',
  'h5',
  'h6',
  'strong',
  'em',
  'del',
  'code',
  'pre',
  'blockquote',
  'ul',
  'ol',
  'li',
  'a',
  'table',
  'thead',
  'tbody',
  'tr',
  'th',
  'td',
  'span',
  'input',
];
const ATTRIBUTES = ['href', 'class', 'align', 'start', 'type', 'checked', 'disabled'];
const SAFE_ADDRESS = /^(?:https?:|mailto:)/i;
/** Of the highlighter and of code blocks; any other could borrow the page's own looks. */
const SAFE_CLASS = /^(?:hljs(?:-[\w-]+)?|language-[\w+#-]+)$/;

const purify = DOMPurify(window);

purify.addHook('afterSanitizeAttributes', node => {
  if (node.tagName === 'INPUT' && node.getAttribute('type') !== 'checkbox') node.remove();
  const classes = (node.getAttribute('class') ?? '').split(/\s+/).filter(name => SAFE_CLASS.test(name));
  if (classes.length > 0) node.setAttribute('class', classes.join(' '));
  else node.removeAttribute('class');
  if (node.tagName !== 'A') return;
  const address = node.getAttribute('href') ?? '';
  if (!SAFE_ADDRESS.test(address)) node.removeAttribute('href');
  node.setAttribute('target', '_blank');
  node.setAttribute('rel', 'noopener noreferrer nofollow');
});

/** HTML that may be put into the page, whatever it was made of. */
export function sanitize(html: string): string {
  return purify.sanitize(html, {
    ALLOWED_TAGS: TAGS,
    ALLOWED_ATTR: ATTRIBUTES,
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    // An image would tell its server that the answer was read; its description stays.
    KEEP_CONTENT: true,
  });
}

/** A passage that the gateway has escaped and marked: its text and its marks, and nothing else whatever comes. */
export function sanitizeMarks(html: string): string {
  return purify.sanitize(html, { ALLOWED_TAGS: ['mark'], ALLOWED_ATTR: [], KEEP_CONTENT: true });
}
