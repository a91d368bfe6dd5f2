"""From a params file to a published report: what to make, where, how it is checked and put in place."""
