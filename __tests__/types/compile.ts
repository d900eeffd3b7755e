import { dirname, join, resolve } from 'node:path';
import {
  type CompilerOptions,
  createCompilerHost,
  createProgram,
  createSourceFile,
  flattenDiagnosticMessageText,
  parseJsonConfigFileContent,
  readConfigFile,
  sys,
} from 'typescript';

const ROOT = resolve(__dirname, '../..');

/** What the compiler says of one snippet: the line that it points to, and its message. */
export interface Complaint {
  readonly line: string;
  readonly message: string;
}

function optionsOf(tsconfig: string): CompilerOptions {
  const { config } = readConfigFile(join(ROOT, tsconfig), (file) => sys.readFile(file)) as { config: object };
  const { options } = parseJsonConfigFileContent({ ...config, include: [], files: [] }, sys, ROOT);
  return { ...options, noEmit: true, incremental: false, paths: { profiled: [join(ROOT, 'lib/index.ts')] } };
}

/** Compiles all snippets in one program, each a module of its own in memory, with the options of a tsconfig of the repository. */
export function compile(
  tsconfig: string,
  snippets: Readonly<Record<string, string>>,
): ReadonlyMap<string, Complaint[]> {
  const options = optionsOf(tsconfig);
  const host = createCompilerHost(options);
  const names = Object.keys(snippets);
  const texts = new Map(names.map((name, i) => [join(__dirname, `snippet-${i}.ts`), snippets[name]!]));
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (file) => texts.has(file) || fileExists.call(host, file);
  host.readFile = (file) => texts.get(file) ?? readFile.call(host, file);
  host.getSourceFile = (file, languageVersion, ...rest) => {
    const text = texts.get(file);
    if (text === undefined) return getSourceFile.call(host, file, languageVersion, ...rest);
    return createSourceFile(file, text, languageVersion);
  };
  host.getCurrentDirectory = () => dirname(__dirname);

  const program = createProgram([...texts.keys()], options, host);
  const files = [...texts.keys()];
  return new Map(
    names.map((name, i) => {
      const source = program.getSourceFile(files[i]!)!;
      const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
      const lines = source.text.split('\n');
      const complaints = found.map(({ start = 0, messageText }) => ({
        line: lines[source.getLineAndCharacterOfPosition(start).line]!,
        message: flattenDiagnosticMessageText(messageText, '\n'),
      }));
      return [name, complaints];
    }),
  );
}
