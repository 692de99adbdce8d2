import Base

/// A stage to be written into a pipeline file.
public struct StageDraft: Sendable {
    public var name: String
    public var command: String
    public var directory: String?
    public var summary: String?
    public var isAlwaysChanged = false
    /// Paths as they will stand in the file.
    public var dependencies: [String] = []
    /// `[FILE:]KEY,KEY`
    public var params: [String] = []
    public var outputs: [Output] = []

    public init(name: String, command: String) {
        self.name = name
        self.command = command
    }
}

/// Changes a pipeline file line by line, so that comments and the user's way of writing stay as they are.
public enum PipelineEdit {
    /// The file's text with one more stage at the end of `stages`.
    ///
    /// - Throws: `MLError(.conflict)` when there is such a stage and it is not to be replaced.
    public static func add(_ draft: StageDraft, to text: String, name: String, replacing: Bool) throws -> String {
        guard PipelineParser.isStageName(draft.name) else {
            throw MLError(
                .invalidInput, "'\(draft.name)' is not a stage name", hint: "use letters, digits, '_' and '-'")
        }
        guard !draft.command.isEmpty else { throw MLError(.usage, "a stage needs a command") }
        let document = try YAMLDocument(Array(text.utf8), name: name)
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        if lines.last == "" { lines.removeLast() }
        guard let stages = document.root?.entries?.first(where: { $0.key.keyText == "stages" }) else {
            return (lines + ["stages:"] + render(draft, indent: 2)).joined(separator: "\n") + "\n"
        }
        let entries = stages.value.entries ?? []
        let column = entries.first.map { $0.key.column - 1 } ?? 2
        guard entries.isEmpty || entries[0].key.line > stages.key.line else {
            throw document.error(
                stages.value, "'stages' is written in braces", hints: ["write each stage on its own lines"])
        }
        var place = lines.count
        if let old = entries.first(where: { $0.key.keyText == draft.name }) {
            guard replacing else {
                throw MLError(
                    .conflict, "there is a stage '\(draft.name)' in '\(name)'", hint: "'--force' overwrites it")
            }
            let range = block(old.key.line - 1, indent: column, lines)
            lines.removeSubrange(range)
            place = range.lowerBound
        } else if let last = entries.last {
            place = block(last.key.line - 1, indent: column, lines).upperBound
        } else {
            // `stages:` or `stages: {}`
            lines[stages.key.line - 1] = "stages:"
            place = stages.key.line
        }
        lines.insert(contentsOf: render(draft, indent: column), at: place)
        return lines.joined(separator: "\n") + "\n"
    }

    /// The file's text with `frozen: true` in a stage, or without it.
    public static func setFrozen(_ isFrozen: Bool, stage: String, in text: String, name: String) throws -> String {
        let document = try YAMLDocument(Array(text.utf8), name: name)
        guard let entry = document.root?["stages"]?.entries?.first(where: { $0.key.keyText == stage }) else {
            throw MLError(.notFound, "'\(name)' has no stage '\(stage)'")
        }
        let body = entry.value["do"] ?? entry.value
        guard let fields = body.entries, let first = fields.first, first.key.line > entry.key.line else {
            throw document.error(entry.value, "stage '\(stage)' is written in braces", hints: ["set 'frozen' by hand"])
        }
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        if let old = fields.first(where: { $0.key.keyText == "frozen" }) {
            lines.removeSubrange(block(old.key.line - 1, indent: old.key.column - 1, lines))
        }
        if isFrozen {
            let column = first.key.column - 1
            let last = fields.last { $0.key.keyText != "frozen" } ?? first
            let end = block(last.key.line - 1, indent: column, lines).upperBound
            lines.insert(String(repeating: " ", count: column) + "frozen: true", at: min(end, lines.count))
        }
        return lines.joined(separator: "\n")
    }

    /// The lines of an entry that starts at `start`: up to the next line that is not deeper. Blank lines and comments
    /// behind it belong to what follows; a list may stand as deep as its key.
    private static func block(_ start: Int, indent: Int, _ lines: [String]) -> Range<Int> {
        var end = start + 1
        var current = start + 1
        while current < lines.count {
            let line = lines[current].drop { $0 == " " }
            let depth = lines[current].count - line.count
            if line.isEmpty || (line.hasPrefix("#") && depth <= indent) {
                current += 1
                continue
            }
            guard depth > indent || (depth == indent && line.hasPrefix("- ")) else { break }
            current += 1
            end = current
        }
        return start..<end
    }

    /// The stage in DVC's order of keys, entries sorted.
    private static func render(_ draft: StageDraft, indent: Int) -> [String] {
        let outer = String(repeating: " ", count: indent)
        let inner = outer + "  "
        var lines = ["\(outer)\(YAMLText.scalar(draft.name)):"]
        if let text = draft.summary { lines.append("\(inner)desc: \(YAMLText.scalar(text))") }
        lines.append("\(inner)cmd: \(YAMLText.scalar(draft.command))")
        if let directory = draft.directory { lines.append("\(inner)wdir: \(YAMLText.scalar(directory))") }
        func list(_ name: String, _ items: [String]) {
            if items.isEmpty { return }
            lines.append("\(inner)\(name):")
            lines += items.map { "\(inner)- \($0)" }
        }
        list("deps", sorted(draft.dependencies).map(YAMLText.scalar))
        list("params", params(draft.params, inner))
        for (name, kind) in [("outs", Output.Kind.data), ("metrics", .metric), ("plots", .plot)] {
            let outputs = draft.outputs.filter { $0.kind == kind }
                .sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
            list(
                name,
                outputs.map { output in
                    var flags: [String] = []
                    if !output.isCached { flags.append("\(inner)    cache: false") }
                    if output.isPersistent { flags.append("\(inner)    persist: true") }
                    let path = YAMLText.scalar(output.path)
                    return flags.isEmpty ? path : "\(path):\n" + flags.joined(separator: "\n")
                })
        }
        if draft.isAlwaysChanged { lines.append("\(inner)always_changed: true") }
        return lines
    }

    private static func params(_ written: [String], _ inner: String) -> [String] {
        var plain: [String] = []
        var files: [String: [String]] = [:]
        for text in written {
            let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let keys = (parts.last ?? "").split(separator: ",").map(String.init)
            if parts.count == 2, parts[0] != "params.yaml" {
                files[parts[0], default: []] += keys
            } else {
                plain += keys
            }
        }
        return sorted(plain).map(YAMLText.scalar)
            + files.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }.map { file, keys in
                ([YAMLText.scalar(file) + ":"] + sorted(keys).map { "\(inner)  - \(YAMLText.scalar($0))" })
                    .joined(separator: "\n")
            }
    }

    private static func sorted(_ texts: [String]) -> [String] {
        Set(texts).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
}

/// Writes YAML as the library DVC uses does, so that files of both tools are the same to the byte where they are simple.
enum YAMLText {
    /// A text on one line: plain where that reads back as the same text, else in quotes.
    static func scalar(_ text: String) -> String {
        if text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7f }) {
            return JSON.string(text).compact()
        }
        let isPlain =
            !text.isEmpty && text.first != " " && text.last != " " && !text.hasSuffix(":")
            && !"-?:,[]{}#&*!|>'\"%@`".contains(text.first ?? " ") && !text.contains(": ") && !text.contains(" #")
            && YAMLScalar.resolve(text) == .string(text) && text != "<<" && text != "="
        let isDashed =
            text.first == "-" && text.count > 1 && text.dropFirst().first != " " && !text.contains(": ")
            && !text.contains(" #") && text.last != ":" && YAMLScalar.resolve(text) == .string(text)
        if isPlain || isDashed { return text }
        return "'" + text.replacing("'", with: "''") + "'"
    }
}
