import Base

extension StageGraph {
    /// The stages a target on the command line means.
    ///
    /// - Parameters:
    ///   - target: a stage (`train`, `sub/dvc.yaml:train`, `:train`), a group (`train` or `train@*`), a pipeline file, or
    ///     an output path. Paths start at `folder`.
    ///   - folder: where the user stands; stages of the pipeline file there need no path.
    ///   - isGlob: `target` is a pattern over stage names with `*`, `?` and `[ ]`.
    /// - Throws: `MLError(.notFound)` with the nearest name.
    public func resolve(target: String, in folder: String = ".", isGlob: Bool = false) throws -> [Int] {
        let (file, name) = StageGraph.split(target)
        let path = try file.map { try RepositoryPath.normalize($0, in: folder) }
        func isHere(_ stage: Stage) -> Bool {
            if let path { return stage.file == path }
            return RepositoryPath.folder(of: stage.file) == folder
        }
        if let name {
            let matches = stages.indices.filter { index in
                let stage = stages[index]
                guard isHere(stage) else { return false }
                return isGlob || name.hasSuffix("@*")
                    ? Glob.matches(stage.name, pattern: name) : stage.name == name || stage.group == name
            }
            if !matches.isEmpty { return matches }
        }
        if name == nil || file == nil {
            let whole = try? RepositoryPath.normalize(target, in: folder)
            if let whole {
                let inFile = stages.indices.filter { stages[$0].file == whole }
                if !inFile.isEmpty { return inFile }
                if let maker = maker(ofOutput: whole) ?? makers(of: whole).first { return [maker] }
            }
        }
        let names =
            stages.filter(isHere).flatMap { [$0.name] + ($0.group.map { [$0] } ?? []) }
            + stages.flatMap { $0.outputs.map(\.path) }
        throw MLError(
            .notFound, "there is no stage and no output '\(target)'",
            hints: NearestName.hints(name ?? target, in: names))
    }

    /// `dir/dvc.yaml:stage` into its halves. Only what ends in `.yaml` or `.yml` (or nothing) before `:` is a file.
    private static func split(_ target: String) -> (file: String?, name: String?) {
        guard let colon = target.lastIndex(of: ":") else { return (nil, target) }
        let file = String(target[..<colon])
        let name = String(target[target.index(after: colon)...])
        if file.isEmpty { return (nil, name) }
        guard file.hasSuffix(".yaml") || file.hasSuffix(".yml") else { return (nil, target) }
        return (file, name)
    }
}

/// Patterns as in a shell: `*`, `?`, `[abc]`, `[a-z]`, `[!a]`.
public enum Glob {
    /// Whether the whole text matches.
    public static func matches(_ text: String, pattern: String) -> Bool {
        matches(Array(text.unicodeScalars)[...], Array(pattern.unicodeScalars)[...])
    }

    private static func matches(_ text: ArraySlice<Unicode.Scalar>, _ pattern: ArraySlice<Unicode.Scalar>) -> Bool {
        var text = text
        var pattern = pattern
        // The newest star, and what of the text it has not swallowed yet.
        var retry: (pattern: ArraySlice<Unicode.Scalar>, text: ArraySlice<Unicode.Scalar>)?
        while true {
            if pattern.first == "*" {
                pattern = pattern.dropFirst()
                retry = (pattern, text)
                continue
            }
            if let first = text.first, let rest = step(first, pattern) {
                text = text.dropFirst()
                pattern = rest
                continue
            }
            if text.isEmpty && pattern.isEmpty { return true }
            guard let again = retry, !again.text.isEmpty else { return false }
            retry = (again.pattern, again.text.dropFirst())
            text = again.text.dropFirst()
            pattern = again.pattern
        }
    }

    /// What is left of the pattern when its first element takes `character`; nil when it does not.
    private static func step(
        _ character: Unicode.Scalar, _ pattern: ArraySlice<Unicode.Scalar>
    ) -> ArraySlice<Unicode.Scalar>? {
        guard let first = pattern.first else { return nil }
        if first == "?" { return pattern.dropFirst() }
        guard first == "[", let end = pattern.dropFirst(2).firstIndex(of: "]") else {
            return first == character ? pattern.dropFirst() : nil
        }
        var set = pattern[(pattern.startIndex + 1)..<end]
        let isNegated = set.first == "!" || set.first == "^"
        if isNegated { set = set.dropFirst() }
        var isIn = false
        while let low = set.first {
            if set.count >= 3, set[set.startIndex + 1] == "-" {
                isIn = isIn || (low <= character && character <= set[set.startIndex + 2])
                set = set.dropFirst(3)
            } else {
                isIn = isIn || low == character
                set = set.dropFirst()
            }
        }
        return isIn != isNegated ? pattern[(end + 1)...] : nil
    }
}
