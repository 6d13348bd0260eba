// A text in markdown, drawn block by block: of an answer that grows, what stands already is left alone.
import { memo } from 'preact/compat';
import { useMemo, useRef } from 'preact/hooks';
import { GrowingBlocks } from './blocks.js';
import { isPlain, toBlocks, toHtml } from './to-html.js';
import './markdown.css';

const Block = memo(({ source }: { source: string }) => {
  const html = useMemo(() => (isPlain(source) ? null : toHtml(source)), [source]);
  if (html === null) return <pre class="block">{source}</pre>;
  return <div class="block" dangerouslySetInnerHTML={{ __html: html }} />;
});

export function Markdown({ text }: { text: string }) {
  const blocks = useRef(new GrowingBlocks(toBlocks)).current.of(text);
  return (
    <div class="markdown">
      {blocks.map((source, index) => (
        <Block key={index} source={source} />
      ))}
    </div>
  );
}
