import Base

/// A plot as a Vega-Lite 5 specification, with the data of all revisions in it.
public enum VegaLite {
    public static func specification(_ figure: PlotFigure) -> JSON {
        if let template = figure.template { return PlotTemplate.fill(template, figure, values: values(figure)) }
        let isMatrix = figure.kind == .confusion || figure.kind == .confusionNormalized
        let names = figure.series.map(\.name)
        var document: JSONObject = [
            "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
            "data": ["values": .array(values(figure))],
            "title": ["text": .string(figure.title), "anchor": "middle"],
            "width": 300, "height": 300,
        ]
        let colour: JSON = [
            "field": "rev", "type": "nominal",
            "scale": ["domain": JSON(names), "range": JSON(names.indices.map(PlotFigure.colour))],
        ]
        for (key, value) in isMatrix ? matrix(figure) : plane(figure, colour) { document[key] = value }
        return .object(document)
    }

    private static func values(_ figure: PlotFigure) -> [JSON] {
        figure.series.flatMap { series in
            series.points.map { point -> JSON in
                .object([figure.xLabel: point.x, figure.yLabel: point.y, "rev": .string(series.name)])
            }
        }
    }

    private static func plane(_ figure: PlotFigure, _ colour: JSON) -> [(String, JSON)] {
        let points = figure.series.flatMap(\.points)
        func axis(_ label: String, _ isNumeric: Bool, _ more: JSONObject = [:]) -> JSON {
            var result: JSONObject = [
                "field": .string(field(label)), "type": isNumeric ? "quantitative" : "nominal", "title": .string(label),
            ]
            for (key, value) in more.pairs { result[key] = value }
            return .object(result)
        }
        let xIsNumeric = points.allSatisfy { $0.x.doubleValue != nil }
        let yIsNumeric = points.allSatisfy { $0.y.doubleValue != nil }
        let x = axis(figure.xLabel, xIsNumeric)
        let y = axis(figure.yLabel, yIsNumeric, yIsNumeric ? ["scale": ["zero": false]] : [:])
        switch figure.kind {
        case .scatter:
            return [("mark", ["type": "point", "tooltip": true]), ("encoding", ["x": x, "y": y, "color": colour])]
        case .scatterJitter:
            let jitter: JSON = [
                ["calculate": "random()", "as": "jitter_x"], ["calculate": "random()", "as": "jitter_y"],
            ]
            return [
                ("transform", jitter), ("mark", ["type": "point", "tooltip": true]),
                (
                    "encoding",
                    [
                        "x": x, "y": y, "color": colour, "xOffset": ["field": "jitter_x", "type": "quantitative"],
                        "yOffset": ["field": "jitter_y", "type": "quantitative"],
                    ]
                ),
            ]
        case .barHorizontal, .barHorizontalSorted:
            let order: JSONObject = figure.kind == .barHorizontalSorted ? ["sort": "-x"] : ["sort": .null]
            return [
                ("mark", ["type": "bar", "tooltip": true]),
                (
                    "encoding",
                    [
                        "x": x, "y": axis(figure.yLabel, false, order), "color": colour,
                        "yOffset": ["field": "rev"],
                    ]
                ),
            ]
        case .linear, .smooth:
            let bandwidth = figure.kind == .smooth ? 0.3 : 0.001
            let slider: JSON = [
                [
                    "name": "smooth", "value": .number(bandwidth),
                    "bind": ["input": "range", "min": 0.001, "max": 1, "step": 0.001],
                ]
            ]
            let smoothed: JSON = [
                "transform": [
                    [
                        "loess": .string(field(figure.yLabel)), "on": .string(field(figure.xLabel)), "groupby": ["rev"],
                        "bandwidth": ["signal": "smooth"],
                    ]
                ], "mark": "line", "encoding": ["x": x, "y": y, "color": colour],
            ]
            let raw: JSON = [
                "mark": ["type": "line", "opacity": 0.2, "tooltip": true],
                "encoding": ["x": x, "y": y, "color": colour],
            ]
            return [("params", slider), ("layer", [smoothed, raw])]
        default:
            return [
                ("mark", ["type": "line", "tooltip": true]), ("encoding", ["x": x, "y": y, "color": colour]),
            ]
        }
    }

    private static func matrix(_ figure: PlotFigure) -> [(String, JSON)] {
        let (actual, predicted) = (field(figure.xLabel), field(figure.yLabel))
        let isNormalized = figure.kind == .confusionNormalized
        let shown: JSON = isNormalized ? "share" : "count"
        let axes: JSONObject = [
            "x": ["field": .string(predicted), "type": "nominal", "title": .string(figure.yLabel)],
            "y": ["field": .string(actual), "type": "nominal", "title": .string(figure.xLabel)],
        ]
        var coloured = axes
        coloured["color"] = ["field": shown, "type": "quantitative"]
        var labelled = axes
        labelled["text"] = ["field": shown, "type": "quantitative", "format": isNormalized ? ".2f" : "d"]
        let transform: JSON = [
            ["aggregate": [["op": "count", "as": "count"]], "groupby": [.string(actual), .string(predicted), "rev"]],
            [
                "joinaggregate": [["op": "sum", "field": "count", "as": "total"]],
                "groupby": [.string(actual), "rev"],
            ],
            ["calculate": "datum.count / datum.total", "as": "share"],
        ]
        let layers: JSON = [
            ["mark": ["type": "rect", "tooltip": true], "encoding": .object(coloured)],
            ["mark": "text", "encoding": .object(labelled)],
        ]
        return [
            ("facet", ["field": "rev", "type": "nominal"]),
            ("spec", ["transform": transform, "layer": layers, "width": 300, "height": 300]),
        ]
    }

    /// A dot or a bracket in a field's name would be a path.
    private static func field(_ name: String) -> String {
        var out = ""
        for character in name {
            if character == "." || character == "[" || character == "]" { out += "\\" }
            out.append(character)
        }
        return out
    }
}
