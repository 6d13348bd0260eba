// What a document is called where it has to be called something. Pure.

interface Titled {
  readonly filename: string | null;
  readonly metadata: Readonly<Record<string, unknown>>;
}

export function titleOf({ filename, metadata }: Titled): string {
  const { title } = metadata;
  if (typeof title === 'string' && title.trim() !== '') return title;
  return filename ?? 'Text without a name';
}
