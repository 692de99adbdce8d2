import Base

/// A plot: series of points and how they are drawn.
public struct PlotFigure: Sendable {
    /// DVC's templates.
    public enum Kind: String, CaseIterable, Sendable {
        case linear, simple, smooth, scatter
        case scatterJitter = "scatter_jitter"
        case confusion
        case confusionNormalized = "confusion_normalized"
        case barHorizontal = "bar_horizontal"
        case barHorizontalSorted = "bar_horizontal_sorted"
    }

    /// Points of one revision (and one column, where several are drawn).
    public struct Series: Sendable {
        public var name: String
        public var revision: String
        public var points: [Point]

        public init(name: String, revision: String, points: [Point]) {
            self.name = name
            self.revision = revision
            self.points = points
        }
    }

    /// Numbers, or texts as categories.
    public struct Point: Sendable {
        public var x: JSON
        public var y: JSON

        public init(x: JSON, y: JSON) {
            self.x = x
            self.y = y
        }
    }

    public var title: String
    public var kind: Kind
    public var xLabel: String
    public var yLabel: String
    public var series: [Series]
    /// A Vega-Lite template of one's own, for programs that draw Vega-Lite; `kind` is then what comes nearest to it.
    public var template: JSON?

    public init(title: String, kind: Kind, xLabel: String, yLabel: String, series: [Series]) {
        self.title = title
        self.kind = kind
        self.xLabel = xLabel
        self.yLabel = yLabel
        self.series = series
    }

    /// DVC's colours, in the order of revisions, and more of their kind.
    static let colours = [
        "#945dd6", "#13adc7", "#f46837", "#48bb78", "#cc79a7", "#b0a000", "#5b7cfa", "#d64550", "#2a9d8f", "#8d6e63",
    ]

    static func colour(_ index: Int) -> String { colours[index % colours.count] }
}

/// A linear scale from values to places, with ticks at round numbers.
struct PlotScale {
    var low: Double
    var high: Double
    var start: Double
    var end: Double

    init(_ values: [Double], start: Double, end: Double, includesZero: Bool = false) {
        let finite = values.filter(\.isFinite)
        low = finite.min() ?? 0
        high = finite.max() ?? 1
        if includesZero { (low, high) = (min(0, low), max(0, high)) }
        if low == high {
            let margin = low == 0 ? 1 : abs(low) * 0.05
            (low, high) = (low - margin, high + margin)
        }
        self.start = start
        self.end = end
    }

    func place(_ value: Double) -> Double { start + (value - low) / (high - low) * (end - start) }

    /// About five multiples of 1, 2 or 5 times a power of ten.
    var ticks: [Double] {
        let raw = (high - low) / 5
        var power = 1.0
        while power * 10 <= raw { power *= 10 }
        while power > raw { power /= 10 }
        let step = [1.0, 2, 5, 10].map { $0 * power }.first { $0 >= raw } ?? power * 10
        let first = (low / step).rounded(.up)
        let last = (high / step).rounded(.down)
        guard first <= last, last - first < 100 else { return [low, high] }
        // Multiples, not sums: 0.1 + 0.2 would show.
        return stride(from: first, through: last, by: 1).map { $0 * step }
    }

    static func label(_ value: Double) -> String {
        if value == 0 { return "0" }
        if abs(value) >= 1e6 || abs(value) < 1e-4 { return Double(Float(value)).description }
        let text = Quantity.number(value, precision: 6)
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }
}

/// Locally weighted regression (Cleveland, "Robust Locally Weighted Regression and Smoothing Scatterplots", 1979, without
/// the robustness steps): at each point a line through its nearest points, weighted by the tricube of their distance.
enum Loess {
    /// Smoothed ordinates of points in rising order of `x`.
    ///
    /// - Parameter bandwidth: the share of points that count, in (0, 1].
    static func smooth(_ x: [Double], _ y: [Double], bandwidth: Double) -> [Double] {
        let count = x.count
        let near = max(2, min(count, Int((bandwidth * Double(count)).rounded(.up))))
        if count < 3 { return y }
        var left = 0
        return (0..<count).map { index in
            while left + near < count, x[left + near] - x[index] < x[index] - x[left] { left += 1 }
            let range = left..<left + near
            let reach = max(x[range.upperBound - 1] - x[index], x[index] - x[left])
            var (sw, sx, sy, sxx, sxy) = (0.0, 0.0, 0.0, 0.0, 0.0)
            for i in range {
                let distance = reach > 0 ? abs(x[i] - x[index]) / reach : 0
                let cube = 1 - distance * distance * distance
                let weight = max(cube * cube * cube, 1e-9)
                let dx = x[i] - x[index]
                sw += weight
                sx += weight * dx
                sy += weight * y[i]
                sxx += weight * dx * dx
                sxy += weight * dx * y[i]
            }
            let determinant = sw * sxx - sx * sx
            return abs(determinant) < 1e-12 * max(1, sw * sxx) ? sy / sw : (sxx * sy - sx * sxy) / determinant
        }
    }
}
