import Base
import DataKit
import GitKit

/// Results kept beside the commit of the model they speak of: notes in `refs/notes/mlexplain`, a JSON object a line.
public struct ResultNotes: Sendable {
    public static let reference = "refs/notes/mlexplain"

    private let git: GitCommand
    private let id: String

    /// - Throws: `usage` for a model that is in no commit.
    public init(_ data: DataRepository?, _ model: ModelLoader.Loaded) throws {
        guard let data, let commit = model.commit else {
            throw MLError(
                .usage, "'\(model.name)' is in no commit, so there is nothing to record on",
                hint: "commit the model, and name the revision")
        }
        git = data.repository.git
        id = commit.id.hex
    }

    /// The commit's short id.
    public var commit: String { String(id.prefix(7)) }

    /// Appends a result, unless the note has it already.
    public func add(command: String, result: JSON) throws {
        let line = JSON.object(["version": 1, "command": .string(command), "result": result]).compact()
        let present = try git.start(["notes", "--ref", ResultNotes.reference, "show", id])
        if present.status == 0, present.text.split(separator: "\n").contains(Substring(line)) { return }
        try git.run(["notes", "--ref", ResultNotes.reference, "append", "-F", "-", id], input: Array(line.utf8))
    }
}
