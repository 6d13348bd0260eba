// A network that hands over every byte alone, for clients whose decoders must not care where their input is cut.

/** fetch, its answer's body in pieces of one byte. */
export const oneByteFetch: typeof fetch = async (input, init) => {
  const { body, status, headers } = await fetch(input, init);
  const split = new TransformStream<Uint8Array, Uint8Array>({
    transform: (chunk, controller) => {
      for (let i = 0; i < chunk.length; i++) controller.enqueue(chunk.slice(i, i + 1));
    },
  });
  return new Response(body?.pipeThrough(split) ?? null, { status, headers });
};
