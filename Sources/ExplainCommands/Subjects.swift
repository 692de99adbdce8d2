import Base
import CommandKit
import DataKit
import ModelKit
import TextModels

/// A text to explain, and its true label if known.
struct Subject {
    var text: String
    var trueLabel: String?
}

/// The texts the user means.
enum Subjects {
    /// Rows shown of a data file when none is named.
    private static let standardRows = 10

    static func read(
        _ command: ExplainProgram, _ loaded: ModelLoader.Loaded, _ repository: DataRepository?, _ ui: UserInterface
    ) throws -> [Subject] {
        var subjects = command.text.map { Subject(text: $0, trueLabel: command.trueLabel) }
        if let file = command.file {
            subjects += try Dataset.texts(parsing: Files.read(file), name: file)
                .map { Subject(text: $0, trueLabel: command.trueLabel) }
        }
        if let place = command.data {
            let loader = DataLoader(data: repository, provenance: loaded.provenance, progress: ui.progress)
            let set = try loader.dataset(place, at: Files.exists(place) ? nil : loaded.commit?.id.hex)
            let rows = command.row.isEmpty ? Array(1...min(standardRows, set.count)) : command.row
            for row in rows {
                guard (1...set.count).contains(row) else {
                    throw MLError(.invalidInput, "'\(place)' has no row \(row)", hint: "it has rows 1 to \(set.count)")
                }
                subjects.append(Subject(text: set.texts[row - 1], trueLabel: set.labels[row - 1]))
            }
        }
        if subjects.isEmpty {
            throw MLError(
                .usage, "which text?", hint: "give --text \"…\", --file FILE or --data REV:PATH --row N")
        }
        return subjects
    }
}
