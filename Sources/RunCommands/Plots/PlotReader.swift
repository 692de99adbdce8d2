import Base
import Pipelines
import Records
import Reports
import RunKit

/// Reads the data of plots from revisions and makes figures of them.
final class PlotReader {
    /// One revision, or the work tree.
    struct Side {
        var name: String
        var content: any ContentSource
        var sources: [PlotSource]
        /// Files below a folder; nil where it is none.
        var list: (String) throws -> [String]?
    }

    private(set) var problems: [(source: String, revision: String, error: MLError)] = []
    private(set) var images: [PlotPage.Image] = []

    /// Figures over all sides; a source that one of them declares is looked for in all.
    ///
    /// - Parameters:
    ///   - targets: only these ids or files; a file nobody declares is drawn as it is.
    ///   - change: what the command line says of every plot.
    func figures(_ sides: [Side], targets: [String], change: (inout PlotSource) -> Void) throws -> [PlotFigure] {
        var sources: [PlotSource] = []
        for source in sides.flatMap(\.sources) where !sources.contains(where: { $0.id == source.id }) {
            sources.append(source)
        }
        if !targets.isEmpty {
            sources = targets.flatMap { target in
                let found = sources.filter { $0.id == target || $0.files.contains(target) }
                return found.isEmpty ? [PlotSource(file: target)] : found
            }
        }
        return try sources.flatMap { source -> [PlotFigure] in
            try expanded(source, sides).compactMap { source in
                if PlotPage.Image.mediaType(source.id) != nil {
                    try addImages(source.id, sides)
                    return nil
                }
                var source = source
                change(&source)
                return try figure(source, sides)
            }
        }
    }

    /// A folder stands for the files in it.
    private func expanded(_ source: PlotSource, _ sides: [Side]) throws -> [PlotSource] {
        // A definition that says where its columns are is no folder, though there be one of its name.
        guard source.columns.contains(where: { $0.file == source.id }) else { return [source] }
        var files: [String] = []
        var isFolder = false
        for side in sides {
            guard let found = try side.list(source.id) else { continue }
            isFolder = true
            files += found.filter { !files.contains($0) }
        }
        if !isFolder { return [source] }
        return files.filter { name in
            PlotPage.Image.mediaType(name) != nil
                || [".csv", ".tsv", ".json", ".yaml", ".yml"].contains { name.lowercased().hasSuffix($0) }
        }.sorted().map { path in
            var part = source
            part.id = path
            part.columns = source.columns.map {
                PlotSource.Column(file: path, field: $0.field, xFile: nil, xField: $0.xField)
            }
            return part
        }
    }

    private func addImages(_ path: String, _ sides: [Side]) throws {
        for side in sides {
            if let bytes = try side.content.read(path) {
                images.append(PlotPage.Image(path: path, revision: side.name, bytes: bytes))
            }
        }
    }

    private func figure(_ source: PlotSource, _ sides: [Side]) throws -> PlotFigure? {
        let name = source.template ?? "linear"
        // Not by `?:`, whose nil would be JSON's null.
        var template: JSON?
        if PlotFigure.Kind(rawValue: name) == nil { template = try ownTemplate(name, source, sides) }
        let kind = PlotFigure.Kind(rawValue: name) ?? template.map(PlotTemplate.nearestKind) ?? .linear
        var figure = PlotFigure(
            title: source.title ?? source.id, kind: kind, xLabel: source.xLabel ?? "", yLabel: source.yLabel ?? "",
            series: [])
        figure.template = template
        var fields: [String] = []
        for side in sides {
            do {
                for column in source.columns {
                    guard let found = try points(column, source, side) else { continue }
                    if figure.xLabel.isEmpty { figure.xLabel = found.x }
                    if !fields.contains(found.y) { fields.append(found.y) }
                    let several = source.columns.count > 1
                    let files = Set(source.columns.map(\.file)).count > 1
                    let label = several ? "\(side.name) \(files ? column.file + ":" : "")\(found.y)" : side.name
                    figure.series.append(.init(name: label, revision: side.name, points: found.points))
                }
            } catch let error as MLError where error.code != .missingObject {
                problems.append((source.id, side.name, error))
            }
        }
        if figure.yLabel.isEmpty { figure.yLabel = fields.count == 1 ? fields[0] : "y" }
        if figure.xLabel == figure.yLabel { figure.xLabel += " (x)" }
        return figure.series.isEmpty ? nil : figure
    }

    /// A template file: a path, or a name in `.dvc/plots`; that of the first side that has it.
    private func ownTemplate(_ name: String, _ source: PlotSource, _ sides: [Side]) throws -> JSON {
        for path in [name, ".dvc/plots/\(name)", ".dvc/plots/\(name).json"] {
            for side in sides {
                guard let bytes = try? side.content.read(path) else { continue }
                guard let json = try? JSON(parsing: bytes), PlotTemplate.isTemplate(json) else {
                    throw MLError(
                        .invalidInput, "'\(path)' is not a plot template",
                        hint: "it is Vega-Lite JSON with '<DVC_METRIC_DATA>' where the data goes")
                }
                return json
            }
        }
        throw MLError(
            .invalidInput, "the plot '\(source.id)' wants the template '\(name)', which does not exist",
            hint: "known: " + PlotFigure.Kind.allCases.map(\.rawValue).joined(separator: ", ")
                + "; or a Vega-Lite file of this repository, or one in .dvc/plots")
    }

    private func points(
        _ column: PlotSource.Column, _ source: PlotSource, _ side: Side
    ) throws -> (x: String, y: String, points: [PlotFigure.Point])? {
        guard let rows = try rows(column.file, source, side), let first = rows.first else { return nil }
        // As DVC: without a name the last column is meant.
        let y = column.field ?? first.keys.last ?? ""
        guard first[y] != nil else {
            throw MLError(
                .notFound, "'\(column.file)' has no column '\(y)'", hints: NearestName.hints(y, in: first.keys))
        }
        var abscissae = rows
        if let file = column.xFile, file != column.file {
            guard let others = try self.rows(file, source, side) else { return nil }
            abscissae = others
        }
        let x = column.xField ?? "step"
        if let field = column.xField, abscissae.first?[field] == nil {
            throw MLError(
                .notFound, "'\(column.xFile ?? column.file)' has no column '\(field)'",
                hints: NearestName.hints(field, in: abscissae.first?.keys ?? []))
        }
        let points = zip(rows, abscissae).enumerated().compactMap { index, pair -> PlotFigure.Point? in
            guard let value = pair.0[y] else { return nil }
            let place = column.xField.map { pair.1[$0] ?? .null } ?? .integer(Int64(index))
            return PlotFigure.Point(x: place, y: value)
        }
        return (x, y, points)
    }

    private func rows(_ file: String, _ source: PlotSource, _ side: Side) throws -> [JSONObject]? {
        guard let bytes = try side.content.read(file) else { return nil }
        return try PlotData.read(bytes, name: file, hasHeader: source.hasHeader)
    }
}
