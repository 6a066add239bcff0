import './style.css'; import {render} from 'preact'; render(<p>Video Detective</p>, document.getElementById('app')!);
