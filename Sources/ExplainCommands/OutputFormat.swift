import Base
import CommandKit
import Explainers
import ModelKit
import Reports

/// An explained text.
struct Explained {
    var subject: Subject
    var attribution: Attribution
}

/// How explanations are shown.
enum OutputFormat: String, CaseIterable {
    case table, json, html, md

    static func parse(_ name: String) throws -> OutputFormat {
        if let format = OutputFormat(rawValue: name) { return format }
        let names = allCases.map(\.rawValue)
        throw MLError(
            .usage, "there is no format '\(name)'",
            hint: NearestName.find(name, in: names).map { "did you mean '\($0)'?" }
                ?? "known: \(names.joined(separator: ", "))")
    }

    func render(_ items: [Explained], model: ModelLoader.Loaded, _ terminal: Terminal, isFile: Bool) -> String {
        let report = AttributionReport(items: items.map { OutputFormat.item($0) })
        switch self {
        case .table:
            return report.terminal(width: terminal.width ?? 120, colour: isFile ? .none : terminal.colors)
        case .html: return report.html(title: "Why \(model.name) decides as it does")
        case .md: return report.markdown()
        case .json:
            let name: JSON = .string(model.commit.map { "\($0.id.hex):\(model.path)" } ?? model.path)
            let entries = items.map { item -> JSON in
                guard case .object(var entry) = item.attribution.json(model: name) else { return .null }
                entry["true_label"] = item.subject.trueLabel.map { .string($0) } ?? .null
                entry["score"] = JSON(item.attribution.score)
                return .object(entry)
            }
            return JSON.object(["version": 1, "items": .array(entries)]).pretty()
        }
    }

    private static func item(_ explained: Explained) -> AttributionReport.Item {
        let attribution = explained.attribution
        // Words in the order of the text; one that LIME merged shows at each of its places.
        let places = attribution.words.flatMap { word in word.occurrences.map { (range: $0, value: word.value) } }
            .sorted { $0.range.lowerBound < $1.range.lowerBound }
        let bytes = Array(attribution.text.utf8)
        return AttributionReport.Item(
            text: attribution.text, trueLabel: explained.subject.trueLabel, predictedLabel: attribution.predictedLabel,
            probability: attribution.probability, attributionLabel: attribution.target, score: attribution.score,
            words: places.map { (String(decoding: bytes[$0.range], as: UTF8.self), $0.value) },
            method: attribution.method,
            remarks: attribution.remarks)
    }
}
