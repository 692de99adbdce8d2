import Base

/// A Vega-Lite template of one's own with DVC's anchors (`<DVC_METRIC_DATA>` and the like) where data and names go.
public enum PlotTemplate {
    /// The specification with all anchors filled in.
    ///
    /// - Parameters:
    ///   - template: the JSON of a template file.
    ///   - values: rows for `<DVC_METRIC_DATA>`.
    static func fill(_ template: JSON, _ figure: PlotFigure, values: [JSON]) -> JSON {
        let names = figure.series.map(\.name)
        let x = JSON.string(figure.xLabel)
        let y = JSON.string(figure.yLabel)
        let anchors: [String: JSON] = [
            "DATA": .array(values), "X": x, "Y": y, "X_LABEL": x, "Y_LABEL": y, "TITLE": .string(figure.title),
            "PLOT_WIDTH": 300, "PLOT_HEIGHT": 300,
            "COLOR": [
                "field": "rev",
                "scale": ["domain": JSON(names), "range": JSON(names.indices.map(PlotFigure.colour))],
            ],
            "SHAPE": [:], "STROKE_DASH": [:], "ROW": [:], "COLUMN": [:],
            "TOOLTIP": [["field": "rev"], ["field": x], ["field": y]],
            "GROUP_BY": ["rev"], "GROUP_BY_X": ["rev", x], "GROUP_BY_Y": ["rev", y], "PIVOT_FIELD": "datum.rev",
            "ZOOM_AND_PAN": ["name": "grid", "select": "interval", "bind": "scales"],
        ]
        return fill(template, anchors)
    }

    /// Whether a template has the anchor without which it would draw nothing.
    public static func isTemplate(_ json: JSON) -> Bool { json.compact().contains("<DVC_METRIC_DATA>") }

    /// The built-in way of drawing that is nearest to a template's mark: pages that open with no network have no Vega.
    public static func nearestKind(_ template: JSON) -> PlotFigure.Kind {
        var marks: [String] = []
        func collect(_ value: JSON) {
            if let mark = value["mark"] { marks.append(mark.stringValue ?? mark["type"]?.stringValue ?? "") }
            value.objectValue?.pairs.forEach { collect($0.value) }
            value.arrayValue?.forEach(collect)
        }
        collect(template)
        let kinds: [String: PlotFigure.Kind] = [
            "point": .scatter, "circle": .scatter, "square": .scatter, "bar": .barHorizontal, "rect": .confusion,
        ]
        return marks.lazy.compactMap { kinds[$0] }.first ?? .simple
    }

    private static func fill(_ value: JSON, _ anchors: [String: JSON]) -> JSON {
        switch value {
        case .string(let text):
            guard text.contains("<DVC_METRIC_") else { return value }
            for (name, content) in anchors where text == "<DVC_METRIC_\(name)>" { return content }
            var out = text
            for (name, content) in anchors.sorted(by: { $0.key < $1.key }) {
                out = out.replacing("<DVC_METRIC_\(name)>", with: content.stringValue ?? content.compact())
            }
            return .string(out)
        case .array(let items): return .array(items.map { fill($0, anchors) })
        case .object(let object):
            return .object(JSONObject(object.pairs.map { ($0.key, fill($0.value, anchors)) }))
        default: return value
        }
    }
}
