"""Log analysis as a chain of three handlers: standardise, analyse, report; each lies in the module of its name."""
