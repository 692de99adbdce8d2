import Base

/// Draws a plot as SVG 1.1: no script, no font or style from elsewhere. Colours follow a page's `currentColor`.
public enum PlotSVG {
    private static let width = 480.0
    private static let height = 340.0

    public static func draw(_ figure: PlotFigure) -> String {
        let body: String
        let extra: Double
        switch figure.kind {
        case .confusion, .confusionNormalized: (body, extra) = confusion(figure)
        case .barHorizontal, .barHorizontalSorted: (body, extra) = bars(figure)
        default: (body, extra) = (plane(figure), 0)
        }
        let total = height + extra + legendHeight(figure)
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(text(width)) \(text(total))" width="\(text(width))" \
            height="\(text(total))" font-family="sans-serif" font-size="11" fill="currentColor" role="img" \
            aria-label="\(escape(figure.title))">
            <text x="\(text(width / 2))" y="18" text-anchor="middle" font-size="13" font-weight="bold">\(escape(figure.title))</text>
            \(body)\(legend(figure, top: height + extra))</svg>

            """
    }

    // MARK: Lines and points

    private static func plane(_ figure: PlotFigure) -> String {
        let (left, right, top, bottom) = (58.0, width - 14, 30.0, height - 44)
        let points = figure.series.flatMap(\.points)
        let isNumeric = points.allSatisfy { $0.x.doubleValue != nil }
        var categories: [String] = []
        if !isNumeric {
            for point in points where !categories.contains(spell(point.x)) { categories.append(spell(point.x)) }
        }
        let numbers = isNumeric ? points.compactMap(\.x.doubleValue) : [-0.5, Double(categories.count) - 0.5]
        let xScale = PlotScale(numbers, start: left, end: right)
        let yScale = PlotScale(points.compactMap(\.y.doubleValue), start: bottom, end: top)
        var out = axes(figure, xScale, yScale, isNumeric ? nil : categories, (left, right, top, bottom))
        for (index, series) in figure.series.enumerated() {
            let places = series.points.compactMap { point -> (x: Double, y: Double, title: String)? in
                guard let y = point.y.doubleValue, y.isFinite else { return nil }
                let x = isNumeric ? point.x.doubleValue : categories.firstIndex(of: spell(point.x)).map(Double.init)
                guard let x, x.isFinite else { return nil }
                let title = "\(series.name): \(figure.xLabel) \(spell(point.x)), \(figure.yLabel) \(spell(point.y))"
                return (x, y, title)
            }
            out += marks(figure.kind, places, colour: PlotFigure.colour(index), xScale, yScale, number: index)
        }
        return out
    }

    private static func marks(
        _ kind: PlotFigure.Kind, _ places: [(x: Double, y: Double, title: String)], colour: String, _ xScale: PlotScale,
        _ yScale: PlotScale, number: Int
    ) -> String {
        var out = ""
        func line(_ points: [(Double, Double)], opacity: Double) -> String {
            let path = points.map { "\(text(xScale.place($0.0))),\(text(yScale.place($0.1)))" }.joined(separator: " ")
            return
                "<polyline fill=\"none\" stroke=\"\(colour)\" stroke-width=\"1.8\" opacity=\"\(text(opacity))\" points=\"\(path)\"/>\n"
        }
        let isScatter = kind == .scatter || kind == .scatterJitter
        if !isScatter {
            let sorted = places.enumerated().sorted { ($0.element.x, $0.offset) < ($1.element.x, $1.offset) }
                .map { ($0.element.x, $0.element.y) }
            if kind == .smooth {
                let smooth = Loess.smooth(sorted.map(\.0), sorted.map(\.1), bandwidth: 0.3)
                out += line(sorted, opacity: 0.25) + line(Array(zip(sorted.map(\.0), smooth)), opacity: 1)
            } else {
                out += line(sorted, opacity: 1)
            }
        }
        // Thousands of marks hide the line and make the file long.
        if !isScatter && places.count > 200 { return out }
        for (index, place) in places.enumerated() {
            var (x, y) = (xScale.place(place.x), yScale.place(place.y))
            if kind == .scatterJitter {
                var random = SeededRandom(seed: UInt64(number), purpose: "jitter", position: UInt64(index))
                x += (random.uniform() - 0.5) * 16
                y += (random.uniform() - 0.5) * 16
            }
            out += """
                <circle cx="\(text(x))" cy="\(text(y))" r="\(isScatter ? 3 : 2.2)" fill="\(colour)" \
                fill-opacity="\(isScatter ? 0.7 : 1)"><title>\(escape(place.title))</title></circle>

                """
        }
        return out
    }

    private static func axes(
        _ figure: PlotFigure, _ xScale: PlotScale, _ yScale: PlotScale, _ categories: [String]?,
        _ box: (left: Double, right: Double, top: Double, bottom: Double)
    ) -> String {
        var out = ""
        for tick in yScale.ticks {
            let y = text(yScale.place(tick))
            out += """
                <line x1="\(text(box.left))" x2="\(text(box.right))" y1="\(y)" y2="\(y)" stroke="currentColor" opacity="0.15"/>
                <text x="\(text(box.left - 6))" y="\(y)" dy="4" text-anchor="end">\(PlotScale.label(tick))</text>

                """
        }
        let xTicks =
            categories.map { $0.enumerated().map { (Double($0.offset), $0.element) } }
            ?? xScale.ticks.map { ($0, PlotScale.label($0)) }
        for (tick, label) in xTicks {
            let x = text(xScale.place(tick))
            out += """
                <line x1="\(x)" x2="\(x)" y1="\(text(box.top))" y2="\(text(box.bottom))" stroke="currentColor" opacity="0.15"/>
                <text x="\(x)" y="\(text(box.bottom + 15))" text-anchor="middle">\(escape(short(label)))</text>

                """
        }
        out += """
            <text x="\(text((box.left + box.right) / 2))" y="\(text(box.bottom + 34))" text-anchor="middle">\(escape(figure.xLabel))</text>
            <text transform="translate(13 \(text((box.top + box.bottom) / 2))) rotate(-90)" text-anchor="middle">\(escape(figure.yLabel))</text>

            """
        return out
    }

    // MARK: Confusion matrices

    /// One matrix a series, below each other. Rows are the actual classes (`x`), columns the predicted ones (`y`).
    private static func confusion(_ figure: PlotFigure) -> (body: String, extra: Double) {
        let block = height - 30
        var out = ""
        for (number, series) in figure.series.enumerated() {
            let matrix = ConfusionCounts(series.points.map { (spell($0.x), spell($0.y)) })
            let top = 44 + Double(number) * block
            let (left, right, bottom) = (100.0, width - 20, top + block - 70)
            let side = Double(max(1, matrix.labels.count))
            let (w, h) = ((right - left) / side, (bottom - top) / side)
            let largest = Double(matrix.largest)
            out += "<text x=\"\(text(left))\" y=\"\(text(top - 8))\">\(escape(series.name))</text>\n"
            for (i, actual) in matrix.labels.enumerated() {
                let y = top + Double(i) * h
                out +=
                    "<text x=\"\(text(left - 6))\" y=\"\(text(y + h / 2))\" dy=\"4\" text-anchor=\"end\">\(escape(short(actual)))</text>\n"
                out +=
                    "<text x=\"\(text(left + (Double(i) + 0.5) * w))\" y=\"\(text(bottom + 14))\" text-anchor=\"middle\">\(escape(short(actual)))</text>\n"
                for (j, predicted) in matrix.labels.enumerated() {
                    let count = matrix[actual, predicted]
                    let share = Double(count) / Double(max(1, matrix.total(actual)))
                    let isNormalized = figure.kind == .confusionNormalized
                    let depth = isNormalized ? share : Double(count) / max(1, largest)
                    let label = isNormalized ? Quantity.fixed(share, decimals: 2) : String(count)
                    let x = left + Double(j) * w
                    out += """
                        <rect x="\(text(x))" y="\(text(y))" width="\(text(w))" height="\(text(h))" fill="\(PlotFigure.colour(number))" \
                        fill-opacity="\(text(0.06 + 0.84 * depth))"><title>\(escape("\(figure.xLabel) \(actual), \(figure.yLabel) \(predicted): \(label)"))</title></rect>
                        <text x="\(text(x + w / 2))" y="\(text(y + h / 2))" dy="4" text-anchor="middle">\(label)</text>

                        """
                }
            }
            out += """
                <text x="\(text((left + right) / 2))" y="\(text(bottom + 30))" text-anchor="middle">\(escape(figure.yLabel))</text>
                <text transform="translate(13 \(text((top + bottom) / 2))) rotate(-90)" text-anchor="middle">\(escape(figure.xLabel))</text>

                """
        }
        return (out, Double(max(0, figure.series.count - 1)) * block)
    }

    // MARK: Bars

    /// `x` is the length, `y` the category; groups of one bar a series.
    private static func bars(_ figure: PlotFigure) -> (body: String, extra: Double) {
        var categories: [String] = []
        var lengths: [String: Double] = [:]
        for point in figure.series.flatMap(\.points) {
            let name = spell(point.y)
            if lengths[name] == nil { categories.append(name) }
            lengths[name] = max(lengths[name] ?? -.infinity, point.x.doubleValue ?? 0)
        }
        if figure.kind == .barHorizontalSorted {
            categories = categories.enumerated().sorted { a, b in
                let (x, y) = (lengths[a.element] ?? 0, lengths[b.element] ?? 0)
                return x == y ? a.offset < b.offset : x > y
            }.map(\.element)
        }
        let thickness = max(6, min(22, 200 / Double(max(1, categories.count * figure.series.count))))
        let group = thickness * Double(figure.series.count) + 6
        let (left, right, top) = (120.0, width - 20, 34.0)
        let bottom = top + group * Double(categories.count)
        let scale = PlotScale(
            figure.series.flatMap { $0.points.compactMap(\.x.doubleValue) }, start: left, end: right, includesZero: true
        )
        var out = ""
        for tick in scale.ticks {
            let x = text(scale.place(tick))
            out += """
                <line x1="\(x)" x2="\(x)" y1="\(text(top))" y2="\(text(bottom))" stroke="currentColor" opacity="0.15"/>
                <text x="\(x)" y="\(text(bottom + 14))" text-anchor="middle">\(PlotScale.label(tick))</text>

                """
        }
        for (row, name) in categories.enumerated() {
            let y = top + Double(row) * group
            out +=
                "<text x=\"\(text(left - 6))\" y=\"\(text(y + group / 2))\" dy=\"2\" text-anchor=\"end\">\(escape(short(name)))</text>\n"
            for (index, series) in figure.series.enumerated() {
                for point in series.points where spell(point.y) == name {
                    let (a, b) = (scale.place(0), scale.place(point.x.doubleValue ?? 0))
                    out += """
                        <rect x="\(text(min(a, b)))" y="\(text(y + Double(index) * thickness))" width="\(text(abs(b - a)))" \
                        height="\(text(thickness - 1))" fill="\(PlotFigure.colour(index))"><title>\(escape("\(series.name): \(name) \(spell(point.x))"))</title></rect>

                        """
                }
            }
        }
        out +=
            "<text x=\"\(text((left + right) / 2))\" y=\"\(text(bottom + 30))\" text-anchor=\"middle\">\(escape(figure.xLabel))</text>\n"
        return (out, bottom + 44 - height)
    }

    // MARK: Parts

    private static func legendHeight(_ figure: PlotFigure) -> Double {
        figure.series.count < 2 ? 4 : 8 + 16 * Double((figure.series.count + 1) / 2)
    }

    private static func legend(_ figure: PlotFigure, top: Double) -> String {
        if figure.series.count < 2 { return "" }
        return figure.series.enumerated().map { index, series in
            let x = 58 + Double(index % 2) * 210
            let y = top + 8 + 16 * Double(index / 2)
            return """
                <rect x="\(text(x))" y="\(text(y - 8))" width="10" height="10" fill="\(PlotFigure.colour(index))"/>\
                <text x="\(text(x + 15))" y="\(text(y + 1))">\(escape(String(series.name.prefix(34))))</text>

                """
        }.joined()
    }

    static func spell(_ value: JSON) -> String { value.stringValue ?? value.compact() }

    private static func short(_ label: String) -> String { label.count > 16 ? label.prefix(15) + "…" : label }

    private static func text(_ value: Double) -> String {
        let text = Quantity.number(value, precision: 2)
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }

    /// Text of XML: what could be markup, and characters XML has not.
    static func escape(_ text: String) -> String {
        var out = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "\"": out += "&quot;"
            case "\t", "\n": out += " "
            case _ where scalar.value < 0x20 || scalar.value == 0xFFFE || scalar.value == 0xFFFF: out += "\u{FFFD}"
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out
    }
}

/// How often each class was taken for each.
struct ConfusionCounts {
    /// All classes, sorted; numbers by value.
    let labels: [String]
    private var counts: [String: [String: Int]] = [:]

    init(_ pairs: [(actual: String, predicted: String)]) {
        var seen: Set<String> = []
        for pair in pairs {
            counts[pair.actual, default: [:]][pair.predicted, default: 0] += 1
            seen.insert(pair.actual)
            seen.insert(pair.predicted)
        }
        labels = seen.sorted { a, b in
            if let x = Double(a), let y = Double(b), x != y { return x < y }
            return a < b
        }
    }

    subscript(actual: String, predicted: String) -> Int { counts[actual]?[predicted] ?? 0 }
    func total(_ actual: String) -> Int { counts[actual]?.values.reduce(0, +) ?? 0 }
    var largest: Int { counts.values.flatMap(\.values).max() ?? 0 }
}
