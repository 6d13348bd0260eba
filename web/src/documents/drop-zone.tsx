// Where files are dropped or chosen.
import type { ComponentChildren } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { tell } from '../ui/notices.js';

export interface DropZoneProps {
  readonly onFiles: (files: readonly File[]) => void;
  readonly children: ComponentChildren;
}

export function DropZone({ onFiles, children }: DropZoneProps) {
  const input = useRef<HTMLInputElement>(null);
  const [isOver, setIsOver] = useState(false);
  const take = (event: DragEvent): void => {
    event.preventDefault();
    setIsOver(false);
    const { files, folders } = filesOf(event.dataTransfer);
    if (files.length > 0) onFiles(files);
    for (const name of folders) tell('error', `“${name}” is a folder: drop the files that are in it.`);
  };
  return (
    <section
      class={isOver ? 'card drop over' : 'card drop'}
      aria-labelledby="add"
      onDragOver={event => {
        event.preventDefault();
        setIsOver(true);
      }}
      onDragLeave={event => {
        if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setIsOver(false);
      }}
      onDrop={take}
    >
      <h2 id="add">Add</h2>
      <p class="quiet-text" id="kinds">
        Drop files here: text, Markdown, HTML, PDF and Word (.docx).
      </p>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        onChange={event => {
          onFiles([...(event.currentTarget.files ?? [])]);
          // The same file may be chosen again.
          event.currentTarget.value = '';
        }}
      />
      <button type="button" aria-describedby="kinds" onClick={() => input.current?.click()}>
        Choose files
      </button>
      {children}
    </section>
  );
}

function filesOf(dropped: DataTransfer | null): { files: File[]; folders: string[] } {
  const files: File[] = [];
  const folders: string[] = [];
  for (const item of dropped?.items ?? []) {
    const entry = item.webkitGetAsEntry();
    if (entry?.isDirectory) folders.push(entry.name);
    else {
      const file = item.getAsFile();
      if (file !== null) files.push(file);
    }
  }
  return { files, folders };
}
