"""Probability models of buying and stopping. One module a model; the others are what the models stand on.

| model | module | its fast form |
|---|---|---|
| BG/NBD and MBG/NBD: buying at any time, stopping after a purchase | `bgnbd` | `bgnbd_likelihood`, `bgnbd_integrals` |
| Pareto/NBD: buying at any time, stopping at any time | `pareto` | `pareto_integrals` |
| BG/BB: buying in rounds | `rounds` | |
| sBG: renewing a contract | `subscription` | `discounting`, shared with BG/BB |
| Beta-discrete-Weibull: the same, with a chance that changes | `discrete_weibull` | |
| Gamma-Gamma: spend on a purchase day | `spend` | |

`histories` reads and checks what members did, `search` maximises a likelihood (with `climb`) and finds intervals, and
`markets` simulates members whose truth is known.
"""
