/// The downhill simplex with the usual coefficients 1, 2, ½, ½ (Nelder & Mead 1965).
enum NelderMead {
    static func minimise(_ count: Int, _ loss: MixtureLoss, maximumIterations: Int = 2000) -> [Double] {
        if count == 1 { return [1] }
        let even = [Double](repeating: 1 / Double(count), count: count)
        var corners = [even] + (0..<count).map { member in even.indices.map { $0 == member ? 1 : even[$0] / 2 } }
        var values = corners.map { loss.projected($0) }
        func along(_ a: [Double], _ b: [Double], _ t: Double) -> [Double] { zip(a, b).map { $0 + t * ($1 - $0) } }
        for _ in 0..<maximumIterations {
            let order = values.indices.sorted { (values[$0], $0) < (values[$1], $1) }
            corners = order.map { corners[$0] }
            values = order.map { values[$0] }
            let last = corners.count - 1
            if values[last] - values[0] < 1e-12 { break }
            let centre = even.indices.map { place in
                corners[..<last].reduce(0) { $0 + $1[place] } / Double(last)
            }
            let reflected = along(centre, corners[last], -1)
            let value = loss.projected(reflected)
            if value < values[0] {
                let expanded = along(centre, corners[last], -2)
                let further = loss.projected(expanded)
                (corners[last], values[last]) = further < value ? (expanded, further) : (reflected, value)
            } else if value < values[last - 1] {
                (corners[last], values[last]) = (reflected, value)
            } else {
                let contracted = along(centre, value < values[last] ? reflected : corners[last], 0.5)
                let nearer = loss.projected(contracted)
                if nearer < min(value, values[last]) {
                    (corners[last], values[last]) = (contracted, nearer)
                } else {
                    for index in 1...last {
                        corners[index] = along(corners[0], corners[index], 0.5)
                        values[index] = loss.projected(corners[index])
                    }
                }
            }
        }
        let best = values.indices.min { values[$0] < values[$1] } ?? 0
        return MixtureLoss.simplex(corners[best])
    }
}
