import Glibc

/// A matrix of 64-bit floats on a tape, row after row.
struct TapeValue {
    let rows: Int
    let columns: Int
    var values: [Double]

    init(_ rows: Int, _ columns: Int, _ values: [Double]) {
        self.rows = rows
        self.columns = columns
        self.values = values
    }

    init(zeros rows: Int, _ columns: Int) { self.init(rows, columns, [Double](repeating: 0, count: rows * columns)) }
}

/// A calculation in double precision that remembers its steps, so that it can be walked back: for gradients (reverse
/// accumulation), or, against a second run of the same steps, for the multipliers of DeepLIFT's rescale rule.
///
/// It is the plain version beside the layers' fast ones; a text at a time.
struct Tape {
    /// A value on the tape.
    typealias Node = Int

    /// A function of one number.
    enum Function {
        case tanh, sigmoid, rectify, exp, reciprocal

        func value(_ x: Double) -> Double {
            switch self {
            case .tanh: Glibc.tanh(x)
            case .sigmoid: x >= 0 ? 1 / (1 + Glibc.exp(-x)) : Glibc.exp(x) / (1 + Glibc.exp(x))
            case .rectify: max(0, x)
            case .exp: Glibc.exp(x)
            case .reciprocal: 1 / x
            }
        }

        /// The derivative, from argument and value.
        func slope(_ x: Double, _ y: Double) -> Double {
            switch self {
            case .tanh: 1 - y * y
            case .sigmoid: y * (1 - y)
            case .rectify: x > 0 ? 1 : 0
            case .exp: y
            case .reciprocal: -y * y
            }
        }
    }

    private enum Step {
        case given
        /// Row r of the result is row `rows[r]` of the argument; −1 is a row of zeros.
        case rows(Node, [Int])
        /// Rows of several values, one below the other.
        case stack([Node])
        /// Two values side by side.
        case beside(Node, Node)
        case columns(Node, from: Int)
        case affine(Node, weight: TapeValue, bias: [Double])
        case add(Node, Node)
        case scale(Node, Double)
        /// Element by element; a first factor of one column multiplies whole rows.
        case multiply(Node, Node)
        case apply(Node, Function)
        case sumRows(Node)
        /// The largest of each column and the row it is in.
        case largest(Node, rows: [Int])
    }

    private var steps: [Step] = []
    private(set) var values: [TapeValue] = []

    private mutating func put(_ step: Step, _ value: TapeValue) -> Node {
        steps.append(step)
        values.append(value)
        return values.count - 1
    }

    subscript(node: Node) -> TapeValue { values[node] }

    mutating func given(_ value: TapeValue) -> Node { put(.given, value) }

    mutating func rows(_ x: Node, _ rows: [Int]) -> Node {
        let width = values[x].columns
        var out = TapeValue(zeros: rows.count, width)
        for (row, source) in rows.enumerated() where source >= 0 {
            for column in 0..<width { out.values[row * width + column] = values[x].values[source * width + column] }
        }
        return put(.rows(x, rows), out)
    }

    mutating func stack(_ parts: [Node], columns: Int) -> Node {
        put(
            .stack(parts),
            TapeValue(parts.reduce(0) { $0 + values[$1].rows }, columns, parts.flatMap { values[$0].values }))
    }

    mutating func beside(_ a: Node, _ b: Node) -> Node {
        let (x, y) = (values[a], values[b])
        var out: [Double] = []
        for row in 0..<x.rows {
            out += x.values[row * x.columns..<(row + 1) * x.columns]
            out += y.values[row * y.columns..<(row + 1) * y.columns]
        }
        return put(.beside(a, b), TapeValue(x.rows, x.columns + y.columns, out))
    }

    mutating func columns(_ x: Node, _ range: Range<Int>) -> Node {
        let source = values[x]
        let out = (0..<source.rows).flatMap { row in
            source.values[row * source.columns + range.lowerBound..<row * source.columns + range.upperBound]
        }
        return put(.columns(x, from: range.lowerBound), TapeValue(source.rows, range.count, out))
    }

    mutating func affine(_ x: Node, _ weight: TapeValue, _ bias: [Double]) -> Node {
        let source = values[x]
        var out = TapeValue(zeros: source.rows, weight.columns)
        for row in 0..<source.rows {
            for column in bias.indices { out.values[row * weight.columns + column] = bias[column] }
            for inner in 0..<source.columns {
                let factor = source.values[row * source.columns + inner]
                if factor == 0 { continue }
                for column in 0..<weight.columns {
                    out.values[row * weight.columns + column] += factor * weight.values[inner * weight.columns + column]
                }
            }
        }
        return put(.affine(x, weight: weight, bias: bias), out)
    }

    mutating func add(_ a: Node, _ b: Node) -> Node {
        put(
            .add(a, b),
            TapeValue(values[a].rows, values[a].columns, zip(values[a].values, values[b].values).map { $0 + $1 }))
    }

    mutating func scale(_ x: Node, _ factor: Double) -> Node {
        put(.scale(x, factor), TapeValue(values[x].rows, values[x].columns, values[x].values.map { $0 * factor }))
    }

    mutating func multiply(_ a: Node, _ b: Node) -> Node {
        let (x, y) = (values[a], values[b])
        var out = y
        for index in out.values.indices {
            out.values[index] *= x.values[Tape.factor(index, x, y)]
        }
        return put(.multiply(a, b), out)
    }

    mutating func apply(_ x: Node, _ function: Function) -> Node {
        put(.apply(x, function), TapeValue(values[x].rows, values[x].columns, values[x].values.map(function.value)))
    }

    mutating func sumRows(_ x: Node) -> Node {
        let source = values[x]
        var out = TapeValue(zeros: 1, source.columns)
        for index in source.values.indices { out.values[index % source.columns] += source.values[index] }
        return put(.sumRows(x), out)
    }

    /// The largest of each column, 0 without rows; the first of equals.
    mutating func largest(_ x: Node) -> Node {
        let source = values[x]
        let winners = (0..<source.columns).map { column in
            (0..<source.rows).dropFirst().reduce(0) { best, row in
                source.values[row * source.columns + column] > source.values[best * source.columns + column]
                    ? row : best
            }
        }
        let out = winners.enumerated().map { source.rows == 0 ? 0 : source.values[$1 * source.columns + $0] }
        return put(.largest(x, rows: winners), TapeValue(1, source.columns, out))
    }

    private static func factor(_ index: Int, _ x: TapeValue, _ y: TapeValue) -> Int {
        x.columns == y.columns ? index : index / y.columns
    }

    /// Smaller differences are taken as none, as captum does (captum/attr/_core/deep_lift.py).
    private static let smallestDifference = 1e-10

    /// Walks back from `end` (one number) to `start`: the gradient, or the multipliers against another run.
    ///
    /// - Parameters:
    ///   - reference: a run of the same steps on the reference's values.
    ///   - change: what happens to the gradient of a value on the way.
    /// - Returns: a value for each element of `start`, and of `watched`.
    func back(
        from end: Node, to start: Node, watched: Node? = nil, reference: Tape? = nil,
        change: (Node, inout [Double]) -> Void = { _, _ in }
    ) -> (start: [Double], watched: [Double]) {
        var slopes = [Node: [Double]]()
        slopes[end] = [1]
        func add(_ node: Node, _ body: (inout [Double]) -> Void) {
            var slope = slopes.removeValue(forKey: node) ?? [Double](repeating: 0, count: values[node].values.count)
            body(&slope)
            slopes[node] = slope
        }
        var seen: [Double] = []
        for node in stride(from: end, through: 0, by: -1) {
            guard var slope = slopes.removeValue(forKey: node) else { continue }
            change(node, &slope)
            if node == watched { seen = slope }
            if node == start { return (slope, seen) }
            let out = values[node]
            switch steps[node] {
            case .given: break
            case .rows(let x, let rows):
                add(x) { into in
                    for (row, source) in rows.enumerated() where source >= 0 {
                        for column in 0..<out.columns {
                            into[source * out.columns + column] += slope[row * out.columns + column]
                        }
                    }
                }
            case .stack(let parts):
                var place = 0
                for part in parts {
                    let count = values[part].values.count
                    add(part) { into in for index in 0..<count { into[index] += slope[place + index] } }
                    place += count
                }
            case .beside(let a, let b):
                for (part, from) in [(a, 0), (b, values[a].columns)] {
                    let width = values[part].columns
                    add(part) { into in
                        for index in into.indices {
                            into[index] += slope[index / width * out.columns + from + index % width]
                        }
                    }
                }
            case .columns(let x, let from):
                let width = values[x].columns
                add(x) { into in
                    for index in slope.indices {
                        into[index / out.columns * width + from + index % out.columns] += slope[index]
                    }
                }
            case .affine(let x, let weight, _):
                let width = values[x].columns
                add(x) { into in
                    for row in 0..<out.rows {
                        for inner in 0..<width {
                            var sum = 0.0
                            for column in 0..<out.columns {
                                sum += slope[row * out.columns + column] * weight.values[inner * out.columns + column]
                            }
                            into[row * width + inner] += sum
                        }
                    }
                }
            case .add(let a, let b):
                for part in [a, b] { add(part) { into in for index in into.indices { into[index] += slope[index] } } }
            case .scale(let x, let factor):
                add(x) { into in for index in into.indices { into[index] += factor * slope[index] } }
            case .multiply(let a, let b): product(a, b, slope, reference, add)
            case .apply(let x, let function):
                let (argument, value) = (values[x].values, out.values)
                add(x) { into in
                    for index in into.indices {
                        var factor = function.slope(argument[index], value[index])
                        if let reference {
                            let difference = argument[index] - reference.values[x].values[index]
                            if abs(difference) >= Tape.smallestDifference {
                                factor = (value[index] - reference.values[node].values[index]) / difference
                            }
                        }
                        into[index] += factor * slope[index]
                    }
                }
            case .sumRows(let x):
                add(x) { into in for index in into.indices { into[index] += slope[index % out.columns] } }
            case .largest(let x, let winners):
                guard values[x].rows > 0 else { break }
                add(x) { into in
                    for (column, row) in winners.enumerated() {
                        let place = row * out.columns + column
                        var factor = 1.0
                        if let reference {
                            let difference = values[x].values[place] - reference.values[x].values[place]
                            if abs(difference) >= Tape.smallestDifference {
                                factor = (out.values[column] - reference.values[node].values[column]) / difference
                            }
                        }
                        into[place] += factor * slope[column]
                    }
                }
            }
        }
        return ([Double](repeating: 0, count: values[start].values.count), seen)
    }

    /// Of a product, each factor's slope is the other factor, or the mean of the other in both runs: then the differences
    /// add up to the difference of the products.
    private func product(
        _ a: Node, _ b: Node, _ slope: [Double], _ reference: Tape?, _ add: (Node, (inout [Double]) -> Void) -> Void
    ) {
        func mean(_ node: Node, _ index: Int) -> Double {
            let value = values[node].values[index]
            return reference.map { (value + $0.values[node].values[index]) / 2 } ?? value
        }
        let (x, y) = (values[a], values[b])
        add(a) { into in
            for index in slope.indices { into[Tape.factor(index, x, y)] += slope[index] * mean(b, index) }
        }
        add(b) { into in
            for index in slope.indices { into[index] += slope[index] * mean(a, Tape.factor(index, x, y)) }
        }
    }
}
