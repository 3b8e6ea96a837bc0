// Attention over a packed forest and over cached keys and values, one definition for both.
//
// For a query row q at absolute position p of its sequence, over the positions j of its ancestors
// and its own segment with p - window < j <= p, ascending:
//   s[j] = cap(scale * <q, k[j]>)     one chain over head_dim ascending, then the product
//   m = max s[j]                      exact
//   e[j] = exp(s[j] - m),  z = sum e  16 lanes, lane = j % 16, chained ascending, then the tree
//   o = (sum e[j] v[j]) / z           one chain over j ascending, divided at the end
// Vaswani et al., "Attention Is All You Need", eq. 1; cap(s) = softcap tanh(s / softcap).
// Where a position lies (which segment, which piece of a cache, which block of queries) changes no
// bit of it, so the training pass, prefill and decoding agree exactly.
#pragma once

#include "hone/kernel/attention_backward.hpp"
#include "hone/kernel/attention_cache.hpp"
#include "hone/kernel/attention_forest.hpp"
