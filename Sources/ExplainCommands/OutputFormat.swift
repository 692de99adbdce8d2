import Base
import CommandKit
import Explainers
import ModelKit
import Reports

/// How explanations are shown.
enum OutputFormat: String, CaseIterable {
    case table, json, html, svg, md

    static func parse(_ name: String) throws -> OutputFormat {
        if let format = OutputFormat(rawValue: name) { return format }
        let names = allCases.map(\.rawValue)
        throw MLError(
            .usage, "there is no format '\(name)'",
            hint: NearestName.find(name, in: names).map { "did you mean '\($0)'?" }
                ?? "known: \(names.joined(separator: ", "))")
    }
}

/// Writes explanations one after the other in one of the forms.
struct ReportWriter {
    private let format: OutputFormat
    private let model: ModelLoader.Loaded
    private let layout: AttributionReport.TerminalLayout
    private var count = 0
    /// Rows of a picture, whose height stands at its beginning.
    private var drawn: [AttributionReport.Item] = []

    init(_ format: OutputFormat, _ model: ModelLoader.Loaded, trueLabels: [String], _ terminal: Terminal, isFile: Bool)
    {
        self.format = format
        self.model = model
        layout = AttributionReport.TerminalLayout(
            trueLabels: trueLabels + ["-"], predictions: model.predictor.labels.map { "\($0) (0.00)" },
            attributionLabels: model.predictor.labels, width: terminal.width ?? 120,
            colour: isFile ? .none : terminal.colors)
    }

    private var title: String { "Why \(model.name) decides as it does" }

    func head() -> String {
        switch format {
        case .table: layout.head()
        case .html: AttributionReport.pageHead(title: title)
        case .md: AttributionReport.markdownHead
        case .json: "{\n  \"version\": 1,\n  \"items\": ["
        case .svg: ""
        }
    }

    mutating func rows(_ explained: [Explained]) -> String {
        let report = AttributionReport(items: explained.map { ReportWriter.item($0) })
        defer { count += explained.count }
        switch format {
        case .table: return layout.rows(report.items)
        case .html: return report.pageRows()
        case .md: return report.markdownRows()
        case .json:
            return explained.enumerated().map { place, item in
                (count + place == 0 ? "" : ",")
                    + ReportWriter.indented(ReportWriter.json(item, model: model.reference).pretty())
            }.joined()
        case .svg:
            drawn += report.items
            return ""
        }
    }

    func foot() -> String {
        switch format {
        case .table: layout.foot()
        case .html: AttributionReport.pageFoot
        case .md: AttributionReport.markdownFoot
        case .json: count == 0 ? "]\n}\n" : "\n  ]\n}\n"
        case .svg: AttributionReport(items: drawn).svg(title: title)
        }
    }

    /// Each line of a document four blanks further in. Byte by byte: line feeds within strings are escaped.
    private static func indented(_ document: String) -> String {
        var out: [UInt8] = []
        out.reserveCapacity(document.utf8.count * 5 / 4)
        for line in document.utf8.split(separator: 0x0a) {
            out += "\n    ".utf8
            out += line
        }
        return String(decoding: out, as: UTF8.self)
    }

    static func json(_ explained: Explained, model: JSON) -> JSON {
        guard case .object(var entry) = explained.attribution.json(model: model) else { return .null }
        entry["true_label"] = explained.subject.trueLabel.map { .string($0) } ?? .null
        entry["row"] = explained.subject.row.map { JSON($0) } ?? .null
        entry["score"] = JSON(explained.attribution.score)
        entry["remarks"] = JSON(explained.attribution.remarks)
        return .object(entry)
    }

    static func item(_ explained: Explained) -> AttributionReport.Item {
        let attribution = explained.attribution
        // Words in the order of the text; one that LIME merged shows at each of its places.
        let places = attribution.words.flatMap { word in
            word.occurrences.map { (start: $0.lowerBound, end: $0.upperBound, value: word.value) }
        }.sorted { $0.start < $1.start }
        let bytes = Array(attribution.text.utf8)
        var words: [(String, Double)] = []
        var shown = 0
        for place in places {
            if place.start > shown { words += between(bytes[shown..<place.start]) }
            words.append((named(bytes[place.start..<place.end]), place.value))
            shown = max(shown, place.end)
        }
        if !words.isEmpty { words += between(bytes[shown...]) }
        // Units of a layer stand nowhere in the text; the ones that count are listed by size.
        words += attribution.words.filter { $0.occurrences.isEmpty && $0.value != 0 }
            .sorted { abs($0.value) > abs($1.value) }.prefix(20).map { ($0.text, $0.value) }
        return AttributionReport.Item(
            text: attribution.text, trueLabel: explained.subject.trueLabel, predictedLabel: attribution.predictedLabel,
            probability: attribution.probability, attributionLabel: attribution.target, score: attribution.score,
            words: words, method: attribution.method,
            remarks: attribution.remarks + (sumRule(attribution).map { [$0] } ?? []))
    }

    /// What stands between the words that have values, so that the text reads as it is.
    private static func between(_ bytes: ArraySlice<UInt8>) -> [(String, Double)] {
        var out: [(String, Double)] = []
        for (place, side) in bytes.split(separator: 0x1e, omittingEmptySubsequences: false).enumerated() {
            if place > 0 { out.append((named([0x1e]), 0)) }
            out += String(decoding: side, as: UTF8.self).split { $0.isWhitespace }.map { (String($0), 0) }
        }
        return out
    }

    /// A word as readers see it: the mark between two texts has no shape of its own.
    private static func named(_ bytes: ArraySlice<UInt8>) -> String {
        bytes.elementsEqual(CollectionOfOne(0x1e)) ? "‖" : String(decoding: bytes, as: UTF8.self)
    }

    /// Whether the values add up, for methods that promise it.
    private static func sumRule(_ attribution: Attribution) -> String? {
        guard let delta = attribution.delta else { return nil }
        let sum = Quantity.fixed(attribution.sum, decimals: 4)
        if abs(delta) < 5e-5 { return "sum \(sum), as it should be" }
        return "sum \(sum), off by \(Quantity.fixed(delta, decimals: 4))"
    }
}
