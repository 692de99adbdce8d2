import Base

/// Which stage makes which path.
struct OutputIndex: Sendable {
    private var makerByPath: [String: Int] = [:]
    /// Outputs sorted by the bytes of path + `/`, so that what lies in a folder is one range.
    private var sorted: [(path: [UInt8], maker: Int)] = []

    /// - Throws: `MLError(.invalidInput)` when two outputs are the same or one lies in the other.
    init(_ stages: [Stage]) throws {
        for (index, stage) in stages.enumerated() {
            for output in stage.outputs {
                if let other = makerByPath.updateValue(index, forKey: output.path) {
                    throw MLError(
                        .invalidInput,
                        "the output '\(output.path)' is made by two stages: "
                            + "'\(stages[other].address)' and '\(stage.address)'",
                        hint: "see \(stages[other].place) and \(stage.place)")
                }
                sorted.append((Array(output.path.utf8) + [slash], index))
            }
        }
        for (index, stage) in stages.enumerated() {
            for output in stage.outputs {
                for folder in RepositoryPath.ancestors(of: output.path) {
                    guard let other = makerByPath[folder] else { continue }
                    throw MLError(
                        .invalidInput,
                        "outputs overlap: '\(output.path)' of stage '\(stages[index].address)' lies in "
                            + "'\(folder)' of stage '\(stages[other].address)'",
                        hint: "see \(stages[index].place) and \(stages[other].place)")
                }
            }
            for path in [stage.file] + RepositoryPath.ancestors(of: stage.file) {
                guard let other = makerByPath[path] else { continue }
                throw MLError(
                    .invalidInput,
                    "the pipeline file '\(stage.file)' lies in an output of stage '\(stages[other].address)'")
            }
        }
        sorted.sort { $0.path.lexicographicallyPrecedes($1.path) }
    }

    func maker(ofOutput path: String) -> Int? { makerByPath[path] }

    func makers(of path: String) -> [Int] {
        if let exact = makerByPath[path] { return [exact] }
        for folder in RepositoryPath.ancestors(of: path) {
            if let maker = makerByPath[folder] { return [maker] }
        }
        // Outputs below a folder that is read as a whole.
        var result: [Int] = []
        let prefix = path == "." ? [] : Array(path.utf8) + [slash]
        var low = 0
        var high = sorted.count
        while low < high {
            let middle = (low + high) / 2
            if sorted[middle].path.lexicographicallyPrecedes(prefix) { low = middle + 1 } else { high = middle }
        }
        while low < sorted.count, sorted[low].path.starts(with: prefix) {
            if !result.contains(sorted[low].maker) { result.append(sorted[low].maker) }
            low += 1
        }
        return result.sorted()
    }

    private var slash: UInt8 { UInt8(ascii: "/") }
}
