/* Licenses of the libraries in this file: licenses.txt in the same folder. */
(()=>{(()=>{try{let e=localStorage.getItem("theme");if(e==="dark"||e==="light")document.documentElement.dataset.theme=e}catch{document.documentElement.removeAttribute("data-theme")}})();})();
