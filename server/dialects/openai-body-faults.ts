// What no single field of a body shows, and how zod is told of it. Knows neither body.
import type { z } from 'zod';
import { type ResponseFormat, type ToolChoice, type Tools, toConstraint } from './openai-tools.js';

export interface BodyFault {
  readonly path: (string | number)[];
  readonly message: string;
  /** A wish that is well-formed and cannot be met. */
  readonly unsupported?: true;
}

/** For superRefine: `body` is what it gives beside the context. */
export function reportFaults(context: z.RefinementCtx, faults: Iterable<BodyFault>): void {
  for (const { path, message, unsupported } of faults) {
    context.addIssue({ code: 'custom', path, message, ...(unsupported ? { params: { unsupported } } : {}) });
  }
}

export interface ToolWishes {
  readonly tools: Tools;
  readonly choice: ToolChoice;
  readonly format: ResponseFormat | null | undefined;
  /** Where the body says that a tool is strict. */
  readonly strictPath: (tool: number) => (string | number)[];
  readonly formatPath: string[];
}

export function* findToolFaults(wishes: ToolWishes): Generator<BodyFault> {
  const { tools, choice, format, strictPath, formatPath } = wishes;
  if (choice === 'auto') {
    const strict = tools.findIndex(tool => tool.function.strict === true);
    if (strict !== -1) {
      yield {
        path: strictPath(strict),
        message:
          'is not supported: only with tool_choice required or a function by name are arguments held to a schema.',
        unsupported: true,
      };
    }
  } else if (choice !== 'none') {
    const named =
      choice === 'required' ? tools[0] : tools.find(tool => tool.function.name === choice.function.name);
    if (named === undefined) yield { path: ['tool_choice'], message: 'asks for a tool that is not in tools' };
  }
  if (tools.length > 0 && choice !== 'none' && toConstraint(format) !== null) {
    yield {
      path: formatPath,
      message: 'is not supported: JSON leaves no room for calls of tools; set tool_choice to none.',
      unsupported: true,
    };
  }
}
