import Base
import DataKit
import GitKit
import ModelKit
import Records
import RunKit

/// What committed models came to on data, kept in the readable notes: the same model on the same data is measured once.
struct ScoreBook {
    private let repository: Repository
    private let notes: NoteBook
    private var pending: [(commit: GitID, text: String)] = []
    private var exact: [(key: ObjectID, measures: JSONObject)] = []

    init(_ repository: Repository) {
        self.repository = repository
        notes = NoteBook(repository)
    }

    /// The key of a measurement: the model's content, the data's content, and how both are read.
    ///
    /// - Parameter columns: the names of the columns that are read.
    func key(_ model: ModelLoader.Loaded, data: [UInt8], columns: [String]) throws -> ObjectID? {
        guard let commit = model.commit, model.provenance["external"] == nil else { return nil }
        // An ensemble's members may lie beside its file: the whole folder counts.
        let place = model.path.hasSuffix(".json") ? Files.parent(of: model.path) : model.path
        guard
            let content = place == "."
                ? commit.tree : try repository.entry(inTree: commit.tree, at: place)?.id
        else { return nil }
        var hasher = SHA256Hasher()
        hasher.update("evaluate.v2 \(content.hex) \(ObjectID.of(data).hex) \(columns.joined(separator: "\t"))")
        return hasher.finish()
    }

    /// The measures known for a key: to the last digit where this repository measured them, with the six decimals of the
    /// commit's note where another one did.
    func measures(_ commit: GitID, key: ObjectID) throws -> JSONObject? {
        if let bytes = try? Files.read(path(key)), let exact = try? JSON(parsing: bytes) { return exact.objectValue }
        guard let note = try notes.read(commit) else { return nil }
        return Note.parse(note).first { $0.key == key && $0.stage.hasPrefix("evaluate:") }?.metrics
    }

    private func path(_ key: ObjectID) -> String { repository.commonDirectory + "/mlrun/scores/" + key.hex }

    /// Remembers measures until `write`.
    mutating func add(
        _ commit: GitID, data: String, key: ObjectID, measures: JSONObject, seconds: Double, time: Timestamp
    ) {
        let line = NoteLine(stage: "evaluate:\(data)", metrics: measures, duration: seconds, key: key, time: time)
        pending.append((commit, line.text + "\n"))
        exact.append((key, measures))
    }

    /// Writes all notes in one step.
    mutating func write() throws {
        if !exact.isEmpty { try Files.makeDirectories(repository.commonDirectory + "/mlrun/scores") }
        for (key, measures) in exact { try Files.writeAtomically(JSON.object(measures).compact(), to: path(key)) }
        try notes.add(pending)
        (pending, exact) = ([], [])
    }
}
